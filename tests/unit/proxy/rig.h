// One client, one upstream of two peers, and the bytes that pass: for the tests of this folder.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace weir::proxy {

inline const SocketAddress kListen = sim::ip("127.0.0.1", 8080);
inline const SocketAddress kElsewhere = sim::ip("127.0.0.1", 8081);

inline bool has(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

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
  // Turns until then, as long as the threads beside the loop may take.
  void turn_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < end) {
      world_.loop.turn(false);
      std::this_thread::yield();
    }
    EXPECT_TRUE(done());
  }
  std::string wait_for_answer() {
    turn_until([this] { return !client_->outbound.empty(); });
    return answered();
  }
  // The page of a 500 that limit_rate holds up: it comes whole, bit by bit.
  void expect_slow_page_of_500() {
    std::string answer = wait_for_answer();
    EXPECT_TRUE(has(answer, "HTTP/1.1 500 ")) << answer;
    EXPECT_FALSE(has(answer, "</html>")) << "all of it at once: there is nothing to wait for";
    for (int step = 0; step < 20; ++step) {
      world_.advance(100);
      world_.settle();
    }
    answer += answered();
    EXPECT_TRUE(answer.ends_with("</html>\r\n")) << answer;
    EXPECT_FALSE(client_->closed);
  }
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

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n";
inline constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: eA==\r\n\r\n";
inline constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

}  // namespace weir::proxy
