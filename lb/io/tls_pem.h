// Certificates, keys and lists of them out of PEM text. Private to io/tls*.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/tls_openssl.h"

namespace weir::io {

// A leaf and its chain; never empty.
Result<std::vector<OwnedCertificate>> read_certificates(std::string_view pem);
// Tries the passphrases where it is encrypted.
Result<OwnedKey> read_key(std::string_view pem, const std::vector<std::string>& passwords);

}  // namespace weir::io
