// The TLS handshake of a listener, as a step of its arrivals: who asks for a server name is shown that virtual server's
// certificate, under its protocols, ciphers and demands (nginx's rules: exact, wildcard, regex, default server).
#pragma once
#include <memory>

#include "proxy/arrival_step.h"

namespace weir::proxy {

struct ListenSite;

class TlsStep final : public ArrivalStep {
 public:
  // `listen` holds the step.
  explicit TlsStep(const ListenSite& listen) : listen_(listen) {}
  std::unique_ptr<Progress> begin() const override;

 private:
  const ListenSite& listen_;
};

}  // namespace weir::proxy
