// What a request is refused for because of the connection that it came by.
#include "base/log.h"
#include "io/tls_context.h"
#include "proxy/exchange.h"

namespace weir::proxy {

// As nginx, and stricter in two points (THREATS row 22): a virtual server that asks for client certificates takes no
// request of a connection that was shaken for another one, also where the client named none; and no request is taken
// for a host that neither the client asked for nor the certificate that it was shown is for.
int Exchange::tls_refusal() const {
  const ConnectionDetails& details = *downstream_->connection().details;
  if (details.plain_on_tls) return 497;
  if (details.facts == nullptr) return 0;
  const io::TlsFacts& facts = *details.facts;
  const io::TlsContext* wanted = listen_->tls_of(*server_);
  if (wanted != details.context.get() && (wanted == nullptr || !wanted->shares_sessions(*details.context))) {
    const bool misdirected = server_->tls.verify != io::VerifyClient::kOff ||
                             (!facts.server_name.empty() && facts.server_name != request_.head.host &&
                              !details.context->covers(request_.head.host));
    if (misdirected) {
      log::info("connection ", downstream_->connection().number, ": request misdirected (shaken for \"",
                facts.server_name, "\", asks for \"", request_.head.host, "\")");
      return 421;
    }
  }
  switch (server_->tls.verify) {
    case io::VerifyClient::kOff: return 0;
    case io::VerifyClient::kOn:
    case io::VerifyClient::kOptional:
    case io::VerifyClient::kOptionalNoCa: break;
  }
  if (facts.client == nullptr) return server_->tls.verify == io::VerifyClient::kOn ? 496 : 0;
  if (facts.verified) return 0;
  if (server_->tls.verify == io::VerifyClient::kOptionalNoCa && facts.verify_optional) return 0;
  log::info("connection ", downstream_->connection().number, ": client certificate refused (", facts.verify_error, ")");
  return 495;
}

}  // namespace weir::proxy
