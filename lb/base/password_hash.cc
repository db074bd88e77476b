#include "base/password_hash.h"

#include <crypt.h>

#include <cstring>
#include <memory>

#include "base/base64.h"
#include "base/digest.h"

namespace weir {
namespace {

constexpr std::string_view kApr1 = "$apr1$";
constexpr std::string_view kPlain = "{PLAIN}";
constexpr std::string_view kSha = "{SHA}";
constexpr std::string_view kSsha = "{SSHA}";
constexpr size_t kSha1Bytes = 20;

// Least significant six bits first, as crypt(3) has it.
void append_crypt64(std::string& out, uint32_t value, int digits) {
  constexpr char kDigits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (; digits > 0; --digits, value >>= 6) out += kDigits[value & 63];
}

PasswordVerdict verdict(bool same) {
  return same ? PasswordVerdict::kRight : PasswordVerdict::kWrong;
}

// {SSHA}: base64 of SHA-1(password, salt) and the salt behind it (RFC 2307's userPassword with a salt).
PasswordVerdict check_salted(const std::string& password, std::string_view encoded) {
  const auto decoded = base64_decode(encoded);
  if (!decoded || decoded->size() < kSha1Bytes) return PasswordVerdict::kUnknownHash;
  const std::string_view both = *decoded;
  return verdict(equal_in_constant_time(sha1({password, both.substr(kSha1Bytes)}), both.substr(0, kSha1Bytes)));
}

PasswordVerdict check_crypt(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  std::memset(data.get(), 0, sizeof *data);
  const char* made = crypt_r(password.c_str(), hash.c_str(), data.get());
  const bool failed = made == nullptr || made[0] == '*';
  const PasswordVerdict out = failed ? PasswordVerdict::kUnknownHash : verdict(equal_in_constant_time(made, hash));
  explicit_bzero(data.get(), sizeof *data);
  return out;
}

}  // namespace

std::string apr1_hash(std::string_view password, std::string_view salt) {
  constexpr int kRounds = 1000;
  if (salt.substr(0, kApr1.size()) == kApr1) salt.remove_prefix(kApr1.size());
  salt = salt.substr(0, salt.find('$')).substr(0, 8);

  const std::string twice = md5({password, salt, password});
  std::string first = std::string(password).append(kApr1).append(salt);
  for (size_t left = password.size(); left > 0; left -= left < 16 ? left : 16)
    first.append(twice, 0, left < 16 ? left : 16);
  // A historical accident of the algorithm: where a bit of the length is set a zero byte, else the first character.
  for (size_t bits = password.size(); bits != 0; bits >>= 1) first += (bits & 1) != 0 ? '\0' : password[0];
  std::string sum = md5({first});
  for (int round = 0; round < kRounds; ++round) {
    const bool odd = (round & 1) != 0;
    sum = md5({odd ? password : std::string_view(sum), round % 3 != 0 ? salt : std::string_view(),
               round % 7 != 0 ? password : std::string_view(), odd ? std::string_view(sum) : password});
  }

  const auto byte = [&sum](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(sum[i])); };
  std::string out = std::string(kApr1).append(salt) + "$";
  for (size_t i = 0; i < 5; ++i) {
    const size_t third = i == 4 ? 5 : i + 12;
    append_crypt64(out, byte(i) << 16 | byte(i + 6) << 8 | byte(third), 4);
  }
  append_crypt64(out, byte(11), 2);
  return out;
}

PasswordVerdict check_password(const std::string& password, const std::string& hash) {
  if (password.find('\0') != std::string::npos) return PasswordVerdict::kWrong;
  const std::string_view view = hash;
  if (view.starts_with(kApr1)) return verdict(equal_in_constant_time(apr1_hash(password, view), view));
  if (view.starts_with(kPlain)) return verdict(equal_in_constant_time(password, view.substr(kPlain.size())));
  if (view.starts_with(kSha))
    return verdict(equal_in_constant_time(base64_encode(sha1({password})), view.substr(kSha.size())));
  if (view.starts_with(kSsha)) return check_salted(password, view.substr(kSsha.size()));
  return check_crypt(password, hash);
}

}  // namespace weir
