#include "acme/options.h"

#include <algorithm>

#include "acme/encoding.h"
#include "base/bytes.h"
#include "io/tls_keys.h"

namespace weir::acme {
namespace {

// The first eight digits of a digest.
std::string short_digest(const std::string& text) {
  return hex(io::sha256(text)).substr(0, 8);
}

}  // namespace

const char* to_string(ChallengeKind kind) {
  return kind == ChallengeKind::kHttp ? "http-01" : "tls-alpn-01";
}

std::string state_of_authority(const AcmeOptions& options) {
  std::string host = options.directory;
  if (const size_t scheme = host.find("://"); scheme != std::string::npos) host.erase(0, scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  for (char& c : host)
    if (c == ':' || c == '@' || c == '[' || c == ']') c = '_';
  return options.state + "/" + host + "-" + short_digest(options.directory);
}

bool is_certifiable(const std::string& name) {
  constexpr size_t kMost = 253, kMostLabel = 63;
  if (name.empty() || name.size() > kMost) return false;
  bool letter = false;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string label = name.substr(at, end - at);
    if (label.empty() || label.size() > kMostLabel || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!is_alpha(c) && !is_digit(c) && c != '-') return false;
      letter = letter || is_alpha(c);
    }
    at = end + 1;
  }
  return letter;  // else it is an address
}

std::string file_stem(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  std::string all;
  for (const std::string& each : sorted) all += each + " ";
  return names.front() + "-" + short_digest(all);
}

std::string certificate_file(const AcmeOptions& options, const std::vector<std::string>& names) {
  return state_of_authority(options) + "/certificates/" + file_stem(names) + ".pem";
}

}  // namespace weir::acme
