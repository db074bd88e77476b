// What is wrong with TLS as it is configured, so that it can be shown where it is written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::io {

// What is wrong with a setting; `index` counts those that may be given several times.
struct TlsFault {
  enum class Setting : uint8_t {
    kCertificate,
    kKey,
    kPasswords,
    kProtocols,
    kCiphers,
    kConfCommand,
    kDhparam,
    kCurves,
    kTicketKey,
    kClientCertificate,
    kTrustedCertificate,
    kCrl,
    kStapling,
    kStaplingFile
  };
  Setting setting;
  size_t index = 0;
  std::string text;       // `cannot load certificate "x.pem": no start line`
  bool forgiven = false;  // of a warning: it keeps a certificate that may be missing from being used
};

struct TlsReport {
  std::vector<TlsFault> errors;
  std::vector<TlsFault> warnings;
};

}  // namespace weir::io
