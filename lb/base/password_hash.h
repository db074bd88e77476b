// Whether a password is that of a hash, in the forms that password files of nginx and Apache hold: $apr1$ (Apache's
// MD5), {PLAIN}, {SHA}, {SSHA}, and all that crypt(3) knows ($2y$ bcrypt, $y$ yescrypt, $5$, $6$, $1$, DES).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

enum class PasswordVerdict : uint8_t {
  kRight,
  kWrong,
  kUnknownHash,  // no form that is known here, or a damaged one
};

// Takes from microseconds to seconds, as the hash wants: not for a loop's thread. Any thread; a password with a zero
// byte is wrong.
PasswordVerdict check_password(const std::string& password, const std::string& hash);

// Apache's variant of Poul-Henning Kamp's MD5 crypt (apr_md5.c's apr_md5_encode): "$apr1$SALT$" and 22 characters.
// `salt`: the whole hash, or its "$apr1$SALT".
std::string apr1_hash(std::string_view password, std::string_view salt);

}  // namespace weir
