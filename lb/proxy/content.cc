#include "proxy/content.h"

#include <algorithm>

#include "proxy/exchange.h"
#include "proxy/healthz.h"
#include "proxy/monitor.h"

namespace weir::proxy {
namespace {

class ReturnHandler final : public ContentHandler {
  void begin(Exchange& exchange) const override { exchange.answer_return(*exchange.location().returns); }
};

class ProxyHandler final : public ContentHandler {
  bool takes_body() const override { return true; }
  void begin(Exchange& exchange) const override { exchange.run_proxy(); }
};

class CachedHandler final : public ContentHandler {
  bool takes_body() const override { return true; }
  void begin(Exchange& exchange) const override { exchange.run_cached(); }
};

class FileHandler final : public ContentHandler {
  void begin(Exchange& exchange) const override { exchange.run_files(); }
};

class NotFoundHandler final : public ContentHandler {
  void begin(Exchange& exchange) const override { exchange.answer(404); }
};

}  // namespace

// As nginx: who may GET may HEAD.
bool LimitExcept::lets(std::string_view method) const {
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  return std::any_of(methods.begin(), methods.end(),
                     [&](const std::string& each) { return each == asked || each == method; });
}

std::shared_ptr<const ContentHandler> make_content(const Location& location) {
  if (location.returns) return std::make_shared<ReturnHandler>();
  if (location.healthz) return make_healthz(*location.healthz);
  if (location.pass && location.cache.is_on()) return std::make_shared<CachedHandler>();
  if (location.monitor) return make_monitor(*location.monitor);
  if (location.pass) return std::make_shared<ProxyHandler>();
  if (location.files.root) return std::make_shared<FileHandler>();
  return std::make_shared<NotFoundHandler>();
}

}  // namespace weir::proxy
