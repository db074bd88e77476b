// One client, one upstream of two peers, and the bytes that pass: for the tests of this folder.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sim/world.h"

namespace weir::proxy {

inline const SocketAddress kListen = sim::ip("127.0.0.1", 8080);
inline const SocketAddress kElsewhere = sim::ip("127.0.0.1", 8081);

class Rig : public testing::Test {
 protected:
  explicit Rig(uint32_t max_connections = 65'536) : world_(log_.writer(), 1, max_connections) {}

  // The locations are `fill`'s; each call is a reload.
  template <class Fill>
  void serve(Fill&& fill, const SocketAddress& on = kListen) {
    sim::SiteMaker maker(shared_, ++generation_);
    maker.server().fallback.access_logs = log_.target();
    const int app = maker.upstream("app", {"10.0.0.1", "10.0.0.2"});
    fill(maker, app);
    world_.core->adopt(maker.make({on}));
  }
  void serve_app(const SocketAddress& on = kListen) {
    serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app); }, on);
  }
  void connect(const std::string& from = "192.0.2.1") { client_ = world_.accept(kListen, from); }
  void tell(sim::Wire& wire, std::string_view bytes) {
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }
  void ask(std::string_view bytes) { tell(*client_, bytes); }
  std::shared_ptr<sim::Wire> another(std::string_view bytes, const std::string& from = "192.0.2.1") {
    auto client = world_.accept(kListen, from);
    tell(*client, bytes);
    return client;
  }
  policy::PeerState& state(const std::string& name) { return *shared_.peers.at(name); }
  void end(sim::Wire& wire) {
    wire.inbound_fin = true;
    wire.deliver();
  }
  // The next connect succeeds; what weir has sent on it.
  sim::Wire& peer() {
    EXPECT_FALSE(world_.connecting.empty());
    if (world_.connecting.empty()) std::abort();
    peers_.push_back(world_.connecting.front()->succeed());
    return *peers_.back();
  }
  std::string answered() { return std::exchange(client_->outbound, {}); }
  std::vector<std::string> logged() {
    world_.core->flush_logs(true);
    return log_.take();
  }

  sim::LogFile log_;
  sim::Shared shared_;
  sim::World world_;
  std::shared_ptr<sim::Wire> client_;
  std::vector<std::shared_ptr<sim::Wire>> peers_;
  uint64_t generation_ = 0;
};

inline bool has(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n";
inline constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: eA==\r\n\r\n";
inline constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

}  // namespace weir::proxy
