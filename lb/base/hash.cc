#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <bit>
#include <cstring>

#include "base/rng.h"

namespace weir {
namespace {

// Slicing by 8 (Kounavis, Berry 2005): table[k][b] is the CRC of byte b followed by k zero bytes.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
  return tables;
}
constexpr CrcTables kCrc = make_crc_tables();

uint64_t load_le64(const char* p) {
  uint64_t v = 0;
  for (int i = 7; i >= 0; --i) v = (v << 8) | static_cast<uint8_t>(p[i]);
  return v;
}

struct SipState {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
  }
  void absorb(uint64_t word) {
    v3 ^= word;
    round(), round();
    v0 ^= word;
  }
};

}  // namespace

Crc32& Crc32::update(std::string_view bytes) {
  uint32_t crc = state_;
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) {
    const uint64_t word = load_le64(p) ^ crc;
    crc = kCrc[7][word & 0xff] ^ kCrc[6][word >> 8 & 0xff] ^ kCrc[5][word >> 16 & 0xff] ^ kCrc[4][word >> 24 & 0xff] ^
          kCrc[3][word >> 32 & 0xff] ^ kCrc[2][word >> 40 & 0xff] ^ kCrc[1][word >> 48 & 0xff] ^ kCrc[0][word >> 56];
  }
  for (; n > 0; ++p, --n) crc = (crc >> 8) ^ kCrc[0][(crc ^ static_cast<uint8_t>(*p)) & 0xff];
  state_ = crc;
  return *this;
}

uint64_t siphash(std::string_view bytes, uint64_t key0, uint64_t key1) {
  SipState s{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261,
             key1 ^ 0x7465646279746573};
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) s.absorb(load_le64(p));
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t i = 0; i < n; ++i) last |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << (8 * i);
  s.absorb(last);
  s.v2 ^= 0xff;
  s.round(), s.round(), s.round(), s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::array<uint8_t, 32> hmac_sha256(std::string_view key, std::string_view bytes) {
  std::array<uint8_t, 32> out{};
  unsigned length = 0;
  const char* key_data = key.empty() ? "" : key.data();  // a null key means "the previous one" to OpenSSL
  HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), out.data(), &length);
  return out;
}

const char* crypto_version() {
  return OpenSSL_version(OPENSSL_VERSION);
}

size_t StringHash::operator()(std::string_view s) const {
  static const std::array<uint64_t, 2> key = {random_seed(), random_seed()};
  return siphash(s, key[0], key[1]);
}

}  // namespace weir
