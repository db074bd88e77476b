#include "proxy/lone_fetch.h"

#include <cassert>
#include <utility>

#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/tunnel.h"

namespace weir::proxy {

LoneFetch::LoneFetch(Core& core, const Downstream& client)
    : core_(core),
      info_(client.connection().copy()),
      local_(client.local_address()),
      requests_(client.connection_requests()) {}

LoneFetch::~LoneFetch() = default;

void LoneFetch::begin(std::unique_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  exchange_->go_on_alone(*this);
}

void LoneFetch::close() {
  exchange_->client_gone(ErrorKind::kClientClosed);  // comes back in reset()
}

void LoneFetch::peer_down(const policy::PeerState& state) {
  exchange_->peer_down(state);
}

http::SentFraming LoneFetch::framing(int, const http::OutBody&) {
  return {};
}

std::unique_ptr<Exchange> LoneFetch::leave() {
  assert(false && "a lone fetch has no client");
  return std::move(exchange_);
}

void LoneFetch::finish() {
  core_.give_exchange(std::move(exchange_));
  core_.lone_fetch_ended(*this);
}

void LoneFetch::become_tunnel(std::unique_ptr<Tunnel>, std::string_view) {
  assert(false && "a cached request asks for no tunnel");
  finish();
}

}  // namespace weir::proxy
