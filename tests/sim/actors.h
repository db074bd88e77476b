// The two ends of the simulation: a client that asks and checks what it is answered, a peer that checks what it is
// asked and answers. Both do one small thing at a time, chosen by the schedule.
#pragma once
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "base/rng.h"
#include "sim/fake_transport.h"
#include "sim/messages.h"
#include "sim/tls_end.h"

namespace weir::sim {

// What everybody does, and what went wrong.
struct Play {
  explicit Play(uint64_t seed) : rng(seed) {}
  Rng rng;
  bool calm = false;        // no faults: every request must be answered by a peer
  bool good_peers = false;  // they answer what is asked, soon
  bool caches = false;      // /cached has a cache
  std::string failure;
  std::set<std::string> delivered;  // ids of requests that must not be sent twice, once a peer has seen them

  bool chance(int percent) { return rng.below(100) < static_cast<uint64_t>(percent); }
  size_t below(size_t n) { return static_cast<size_t>(rng.below(n)); }
  void fail(const std::string& what) {
    if (failure.empty()) failure = what;
  }
};

// Whose bodies all clients of /cached are sent.
inline constexpr std::string_view kShared = "shared0";

class Client {
 public:
  // `greeting`: what its listener wants to hear first, and answers with kGreetingReply; "" for none.
  Client(Play& play, std::shared_ptr<Wire> wire, int number, std::string_view greeting = {});
  // All that it says goes over TLS. Before the first say().
  void use_tls() {
    tls_ = std::make_unique<TlsEnd>(play_.chance(50));
    wire->most_read = io::TransportHandler::kUsualRead;
  }
  // Sends the next piece of what it has to say.
  void say();
  void hang_up();  // FIN, RST, or a socket that takes nothing more
  void listen();   // reads what weir has sent
  bool done_talking() const { return script_.empty() && (tls_ == nullptr || tls_->out.empty()); }
  bool gone() const { return left_ || wire->closed; }
  size_t answers() const { return answers_; }
  size_t asked() const { return asked_; }

  const std::shared_ptr<Wire> wire;

 private:
  struct Expected {
    std::string id;
    bool head_only = false;
    bool websocket = false;
  };
  void add_request(int n);
  void add_cached_request();
  void say_over_tls(std::string_view text);
  void break_tls();
  bool hear();
  void read_head(std::string_view head);
  void end_answer();

  Play& play_;
  std::string script_;
  std::unique_ptr<TlsEnd> tls_;  // null: in plain
  std::deque<Expected> expected_;
  std::string got_;
  std::string_view welcome_;  // of the reply to the greeting: what is to come
  BodyReader body_;
  FrameReader frames_;
  bool in_body_ = false;
  bool tunnel_ = false;
  bool left_ = false;
  bool spoiled_ = false;  // its TLS
  bool garbage_ = false;
  std::string tunnel_id_;
  size_t asked_ = 0;
  size_t answers_ = 0;
};

class Peer {
 public:
  Peer(Play& play, std::shared_ptr<Wire> given) : wire(std::move(given)), play_(play) {}
  void listen();  // reads what weir has sent, decides about an answer
  void say();     // sends a piece of it
  void misbehave();
  bool done_talking() const { return script_.empty() && !answering_; }

  const std::shared_ptr<Wire> wire;

 private:
  void read_head(std::string_view head);
  void decide();

  Play& play_;
  std::string got_;
  std::string id_;
  std::string script_;
  std::string surplus_;
  BodyReader body_;
  FrameReader frames_;
  bool in_request_ = false;  // its head has come
  bool answering_ = false;   // so has the decision; what is left of the answer is in script_
  bool head_only_ = false;
  bool websocket_ = false;
  bool may_refuse_ = false;  // its 503 says that no application has seen the request
  bool http10_ = false;
  bool close_after_ = false;
  bool reset_after_ = false;
  bool tunnel_ = false;
  bool mute_ = false;
  bool dead_ = false;
};

}  // namespace weir::sim
