#include "cache/key.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace weir::cache {

Digest digest_of(std::string_view key, std::string_view vary, std::string_view variant) {
  std::string text(key);
  if (!vary.empty()) text.append(1, '\0').append(vary).append(1, '\0').append(variant);
  const auto whole = hmac_sha256("weir cache", text);
  Digest digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

std::string hex(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const uint8_t byte : digest) out.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  return out;
}

std::optional<Digest> parse_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return digest;
}

std::string path_of(std::string_view root, const std::vector<int>& levels, const Digest& digest) {
  const std::string name = hex(digest);
  std::string out(root);
  size_t end = name.size();
  for (const int level : levels) {
    end -= static_cast<size_t>(level);
    out.append(1, '/').append(name, end, static_cast<size_t>(level));
  }
  return out.append(1, '/').append(name);
}

}  // namespace weir::cache
