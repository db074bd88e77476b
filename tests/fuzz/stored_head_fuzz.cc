// Heads of cached answers: what is read of any bytes lies within them, and is written again as it was.
// uses: base http cache
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "cache/stored_head.h"

namespace {

using namespace weir;

void must(bool fact) {
  if (!fact) std::abort();
}

void check(std::string_view bytes) {
  cache::StoredHead head;
  if (!cache::decode(bytes, head)) return;
  const size_t size = cache::head_bytes(bytes);
  must(size > 0 && size <= bytes.size());
  const auto inside = [&](std::string_view text) {
    must(text.empty() || (text.data() >= bytes.data() && text.data() + text.size() <= bytes.data() + size));
  };
  for (const std::string_view text : {head.key, head.vary, head.variant, head.reason}) inside(text);
  for (const auto& [name, value] : head.fields) inside(name), inside(value);
  cache::StoredHead again;
  const std::string written = cache::encode(head);
  must(cache::decode(written, again));
  must(again.key == head.key && again.fields == head.fields && again.body_bytes == head.body_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  // The same as the rest of a head whose checksum and length are right: what is behind these two is what is hard.
  std::string made = "weirc01\n";
  std::string rest;
  const auto put = [](std::string& to, uint64_t number) {
    for (int i = 0; i < 4; ++i) to += static_cast<char>(number >> (8 * i) & 0xff);
  };
  put(rest, cache::kLeastHead + size);
  rest.append(bytes);
  put(made, crc32(rest));
  check(made + rest);
  return 0;
}
