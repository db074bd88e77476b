// The hashes weir speaks: CRC-32 (nginx's `hash`), SipHash-2-4 with a random key (tables fed by clients), HMAC-SHA-256.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// CRC-32 of zlib and nginx (ISO 3309, reflected 0xedb88320). Crc32 is the running form: update() then value().
class Crc32 {
 public:
  Crc32& update(std::string_view bytes);
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = 0xffffffff;
};
inline uint32_t crc32(std::string_view bytes) {
  return Crc32().update(bytes).value();
}

// SipHash-2-4 (Aumasson, Bernstein 2012).
uint64_t siphash(std::string_view bytes, uint64_t key0, uint64_t key1);

std::array<uint8_t, 32> hmac_sha256(std::string_view key, std::string_view bytes);

const char* crypto_version();  // of the library that these come from: "OpenSSL 3.0.17 ..."

// Transparent hasher for unordered containers keyed by strings; siphash under a per-process random key.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const;
};

}  // namespace weir
