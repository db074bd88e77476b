// What an ACME server answers, and what lies in the state directory, as any bytes: what is read is safe to use.
// uses: base io fetch acme
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "acme/answers.h"
#include "acme/encoding.h"
#include "acme/store.h"
#include "io/tls_certificate.h"

namespace {

using namespace weir::acme;

void must(bool fact) {
  if (!fact) std::abort();
}

bool is_one_line(const std::string& text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) return false;
  return true;
}

bool is_url(const std::string& text) {
  return (text.starts_with("https://") || text.starts_with("http://")) && is_one_line(text) &&
         text.find(' ') == std::string::npos;
}

void check(const Problem& problem) {
  must(is_one_line(problem.type) && is_one_line(problem.text));
  must(problem.text.size() <= 500);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto directory = read_directory(text)) {
    must(is_url(directory->new_nonce) && is_url(directory->new_account) && is_url(directory->new_order));
    must(directory->terms.empty() || is_url(directory->terms));
  }
  if (const auto order = read_order(text)) {
    must(is_url(order->finalize));
    must(order->certificate.empty() || is_url(order->certificate));
    for (const std::string& each : order->authorizations) must(is_url(each));
    check(order->problem);
  }
  if (const auto authorization = read_authorization(text)) {
    for (const Challenge& each : authorization->challenges) {
      must(is_url(each.url) && is_token(each.token));
      must(each.token.find('/') == std::string::npos && each.token.find('.') == std::string::npos);
      check(each.problem);
    }
  }
  if (const auto problem = read_problem(text)) check(*problem);
  if (const auto seconds = read_retry_after(text, 1'000'000)) must(*seconds >= 0 && *seconds <= 7 * 86'400);
  if (const auto bytes = decode_base64url(text)) {
    std::string shorter = text;
    while (shorter.ends_with('=')) shorter.pop_back();
    must(base64url(*bytes) == shorter);
  }
  const Memory memory = memory_from_json(text);
  must(memory.tries.failures >= 0);
  if (const auto proof = proof_from_json(text)) must(proof_from_json(proof_to_json(*proof)) == proof);
  (void)weir::io::certificate_facts_of_pem(text);
  return 0;
}
