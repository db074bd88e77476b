#include "proxy/healthz.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

// For a request that is bound to nobody, now. A peer whose time out is over counts: the next request decides.
bool takes_requests(const policy::Peer& peer, MonoMs now) {
  return !peer.hard_down() && peer.state->passive.ejected_until() <= now;
}

bool has_usable_peer(const policy::Cluster& cluster, MonoMs now) {
  const auto usable = [now](const policy::Peer& peer) { return takes_requests(peer, now); };
  return std::any_of(cluster.primaries().begin(), cluster.primaries().end(), usable) ||
         std::any_of(cluster.backups().begin(), cluster.backups().end(), usable);
}

class HealthzHandler final : public ContentHandler {
 public:
  explicit HealthzHandler(Healthz healthz) : healthz_(std::move(healthz)) {}

  void begin(Exchange& exchange) const override {
    const Core& core = exchange.core();
    std::string text;
    if (core.draining()) text = "weir is draining\n";
    for (const int index : healthz_.clusters) {
      const policy::Cluster& cluster = *exchange.epoch().site().clusters[static_cast<size_t>(index)].cluster;
      if (!has_usable_peer(cluster, exchange.core().loop().now()))
        text.append("upstream ").append(cluster.name()).append(" has no usable peer\n");
    }
    exchange.answer_text(text.empty() ? 200 : 503, text.empty() ? "ok\n" : exchange.arena().copy(text));
  }

 private:
  const Healthz healthz_;
};

}  // namespace

std::shared_ptr<const ContentHandler> make_healthz(const Healthz& healthz) {
  return std::make_shared<HealthzHandler>(healthz);
}

}  // namespace weir::proxy
