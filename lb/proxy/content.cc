#include "proxy/content.h"

#include "proxy/exchange.h"
#include "proxy/healthz.h"

namespace weir::proxy {
namespace {

class ReturnHandler final : public ContentHandler {
  void begin(Exchange& exchange) const override { exchange.answer_return(*exchange.location().returns); }
};

class ProxyHandler final : public ContentHandler {
  bool takes_body() const override { return true; }
  void begin(Exchange& exchange) const override { exchange.run_proxy(); }
};

class NotFoundHandler final : public ContentHandler {
  void begin(Exchange& exchange) const override { exchange.answer(404); }
};

}  // namespace

std::shared_ptr<const ContentHandler> make_content(const Location& location) {
  if (location.returns) return std::make_shared<ReturnHandler>();
  if (location.healthz) return make_healthz(*location.healthz);
  if (location.pass) return std::make_shared<ProxyHandler>();
  return std::make_shared<NotFoundHandler>();
}

}  // namespace weir::proxy
