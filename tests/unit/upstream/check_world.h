// Peers that a test scripts, reached without sockets, on a loop whose clock stands still until it is told.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/connector.h"
#include "io/loop.h"
#include "sim/fake_transport.h"

namespace weir::upstream {

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct FakePeer {
  ErrorKind refuses = ErrorKind::kNone;  // how a connect fails
  int code = -ECONNREFUSED;
  bool blackholed = false;  // a connect gets no answer
  bool hung = false;        // a request gets no answer
  std::string answer{kOk};
  bool closes = false;                   // behind its answer
  int connects = 0;                      // asked for, answered or not
  std::vector<std::string> requests;     // heads
  std::shared_ptr<sim::Wire> last_wire;  // opened last
  sim::Wire& wire() const { return *last_wire; }
};

class CheckWorld {
 public:
  static constexpr MonoMs kStep = 8;

  static SocketAddress address(int n) {
    return *SocketAddress::from_ip("10.0." + std::to_string(n / 250) + '.' + std::to_string(n % 250 + 1), 13000);
  }
  FakePeer& peer(const SocketAddress& at) { return peers[at.to_string()]; }
  FakePeer& peer(int n = 0) { return peer(address(n)); }

  std::unique_ptr<io::Connecting> connect(const SocketAddress& at, io::Connecting::OnDone done) {
    ++peer(at).connects;
    return std::make_unique<Pending>(*this, at, std::move(done));
  }
  auto connector() {
    return [this](io::Loop&, const SocketAddress& at, const io::ConnectOptions&, io::Connecting::OnDone done) {
      return connect(at, std::move(done));
    };
  }

  // Time passes in small steps, and the peers do what they do in each.
  void advance(MonoMs ms) {
    for (const MonoMs end = now + ms; now < end;) {
      now = std::min(end, now + kStep);
      loop.turn(false);
      serve();
    }
  }
  // The process stands still: nothing is read and no deadline looked at meanwhile.
  void stall(MonoMs ms) {
    now += ms;
    loop.turn(false);
    serve();
  }
  void serve() {
    while (serve_connects() || serve_requests()) {
    }
  }
  // Bytes out of turn.
  static void say(sim::Wire& wire, std::string_view bytes) {
    wire.inbound += bytes;
    while (wire.deliver()) {
    }
  }
  static void fin(sim::Wire& wire) {
    wire.inbound_fin = true;
    while (wire.deliver()) {
    }
  }

  MonoMs now = 1'000'000;
  io::Loop loop{&now};
  std::map<std::string, FakePeer> peers;

 private:
  class Pending final : public io::Connecting {
   public:
    Pending(CheckWorld& world, const SocketAddress& at, OnDone done) : world_(world), at_(at), done_(std::move(done)) {
      world_.pending_.push_back(this);
    }
    ~Pending() override { std::erase(world_.pending_, this); }
    // May destroy this. False when nothing is to be told.
    bool serve() {
      FakePeer& peer = world_.peer(at_);
      if (peer.blackholed) return false;
      const OnDone done = std::exchange(done_, nullptr);
      std::erase(world_.pending_, this);
      if (peer.refuses != ErrorKind::kNone) {
        done(nullptr, {peer.refuses, peer.code});
        return true;
      }
      peer.last_wire = std::make_shared<sim::Wire>();
      world_.open_.push_back({&peer, peer.last_wire});
      done(std::make_unique<sim::FakeTransport>(peer.last_wire), {});
      return true;
    }

   private:
    CheckWorld& world_;
    SocketAddress at_;
    OnDone done_;
  };

  bool serve_connects() {
    bool some = false;
    for (Pending* each : std::vector(pending_))
      if (std::find(pending_.begin(), pending_.end(), each) != pending_.end()) some |= each->serve();
    return some;
  }
  bool serve_requests() {
    bool some = false;
    std::erase_if(open_, [](const Open& each) { return !each.wire->open(); });
    for (const auto& [peer, wire] : std::vector(open_)) {
      const size_t end = wire->outbound.find("\r\n\r\n");
      if (peer->hung || end == std::string::npos || !wire->open()) continue;
      peer->requests.push_back(wire->outbound.substr(0, end + 4));
      wire->outbound.erase(0, end + 4);
      wire->inbound += peer->answer;
      wire->inbound_fin = peer->closes;
      while (wire->deliver()) {
      }
      some = true;
    }
    return some;
  }

  struct Open {
    FakePeer* peer;
    std::shared_ptr<sim::Wire> wire;
  };
  std::vector<Open> open_;
  std::vector<Pending*> pending_;
};

}  // namespace weir::upstream
