// One worker's Core between fakes that allocate nothing themselves: what the gates count warm requests on.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "sim/world.h"

namespace weir::sim {

class WarmRig {
 public:
  WarmRig() : world(log_.writer()) {
    (void)log::configure({});
    SiteMaker maker(shared_);
    maker.server().fallback.access_logs = log_.target();
    maker.server().fallback.keepalive_requests = 1'000'000;
    const int app = maker.upstream("app", {"10.0.0.1", "10.0.0.2"});
    maker.pool(app).max_requests = 0;
    maker.proxied("/", app);
    maker.returning("/local", 200, "local");
    const SocketAddress listen = ip("127.0.0.1", 80);
    world.core->adopt(maker.make({listen}));
    client_ = world.accept(listen);
    lend_slab(*client_);
  }
  // One request and its answer by whichever peer gets it.
  void round(std::string_view request, std::string_view response) {
    tell(*client_, request);
    while (!world.connecting.empty()) {
      peers_.push_back(world.connecting.front()->succeed());
      lend_slab(*peers_.back());
    }
    for (const auto& peer : peers_) {
      if (peer->outbound.empty()) continue;
      peer->outbound.clear();
      tell(*peer, response);
    }
    got += client_->outbound.size();
    client_->outbound.clear();
    world.turn();
  }

 private:
  void lend_slab(Wire& wire) {
    wire.slab = world.loop.slab().data();
    wire.inbound.reserve(32 * 1024);
    wire.outbound.reserve(32 * 1024);
    wire.queue.reserve(32 * 1024);
  }
  void tell(Wire& wire, std::string_view bytes) {
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }

  LogFile log_;
  Shared shared_;

 public:
  World world;
  size_t got = 0;  // bytes that the client was sent

 private:
  std::shared_ptr<Wire> client_;
  std::vector<std::shared_ptr<Wire>> peers_;
};

// What the gates send and answer.
struct Round {
  const char* name;
  std::string request, response;
};
inline std::vector<Round> warm_rounds() {
  return {
      {"get", "GET /a/b?c=d HTTP/1.1\r\nHost: sim.test\r\nUser-Agent: gate\r\nCookie: a=b; c=d\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"},
      {"post", "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 1024\r\n\r\n" + std::string(1024, 'x'),
       "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"},
      {"chunked", "GET / HTTP/1.1\r\nHost: sim.test\r\n\r\n",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"},
      {"local", "GET /local HTTP/1.1\r\nHost: sim.test\r\n\r\n", ""},
  };
}
inline const std::string kUpgradeRequest =
    "GET /ws HTTP/1.1\r\nHost: sim.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: eA==\r\n\r\n";
inline const std::string kUpgradeResponse =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
inline constexpr std::string_view kMessage = "\x82\x85....hello";
inline constexpr std::string_view kEcho = "\x82\x05hello";

}  // namespace weir::sim
