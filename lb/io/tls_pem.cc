#include "io/tls_pem.h"

#include <openssl/pem.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::io {
namespace {

struct Password {
  const std::string* text;  // null: there is none
  bool asked = false;
};

int give_password(char* into, int size, int, void* arg) {
  auto& password = *static_cast<Password*>(arg);
  password.asked = true;
  if (password.text == nullptr) return -1;
  const size_t length = std::min(password.text->size(), static_cast<size_t>(size));
  std::memcpy(into, password.text->data(), length);
  return static_cast<int>(length);
}

}  // namespace

Result<std::vector<OwnedCertificate>> read_certificates(std::string_view pem) {
  ERR_clear_error();
  const OwnedBio bio = bio_of(pem);
  std::vector<OwnedCertificate> all;
  for (;;) {
    X509* next = all.empty() ? PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)
                             : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    if (next == nullptr) break;
    all.emplace_back(next);
  }
  const unsigned long code = ERR_peek_last_error();
  const bool ended = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (ended && !all.empty()) {
    ERR_clear_error();
    return all;
  }
  if (ended) {
    ERR_clear_error();
    return Unexpected{std::string("there is no PEM certificate in it")};
  }
  return Unexpected{take_tls_error()};
}

Result<OwnedKey> read_key(std::string_view pem, const std::vector<std::string>& passwords) {
  for (size_t i = 0; i == 0 || i < passwords.size(); ++i) {
    ERR_clear_error();
    Password password{i < passwords.size() ? &passwords[i] : nullptr};
    const OwnedBio bio = bio_of(pem);
    OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password));
    if (key != nullptr) {
      ERR_clear_error();
      return key;
    }
    if (!password.asked) break;
    if (i + 1 < passwords.size()) continue;
    ERR_clear_error();
    return Unexpected{std::string(passwords.empty() ? "it is encrypted and there is no password file"
                                                    : "it is encrypted and no passphrase of the password file fits")};
  }
  const unsigned long code = ERR_peek_last_error();
  const bool none = code == 0 || (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE);
  const std::string why = take_tls_error();
  return Unexpected{
      none || why.find("unsupported") != std::string::npos ? std::string("there is no PEM private key in it") : why};
}

}  // namespace weir::io
