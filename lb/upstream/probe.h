// One address and one question: connects, asks, reads no more than the match needs, judges. One answer at a time, under
// one deadline from the begin of the connect to the last byte that is needed.
//
//     kIdle -begin()-> kConnecting -> kHead -> kBody -> kIdle     any state -> kIdle: judged, failed, late
//       \________ a kept connection ____/        (kBody: the match needs it, or the connection is to be kept)
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/timer_wheel.h"
#include "http/h1_codec.h"
#include "io/loop.h"
#include "io/tls_connect.h"
#include "io/transport.h"
#include "upstream/check.h"
#include "upstream/stall_watch.h"

namespace weir::upstream {

struct ProbeOutcome {
  enum class Verdict : uint8_t {
    kPassed,
    kFailed,
    kInconclusive,  // this machine's fault: says nothing of the peer
  } verdict = Verdict::kFailed;
  int status = 0;        // 0: no answer
  uint32_t micros = 0;   // from begin()
  std::string reason;    // empty when it passed
  bool stalled = false;  // inconclusive because the loop stood still: ask again soon
};

// What all probes of a loop share. Outlives them.
class ProbeKit {
 public:
  // What a probe needs while it runs; lent, so that a thousand peers do not hold a thousand.
  struct Scratch {
    http::H1ClientCodec codec;
    http::ResponseHead head;
    Arena arena;
    std::string stash;  // an incomplete head or chunk
    std::string body;
  };

  // `connect` empty: io::connect.
  ProbeKit(io::Loop& loop, io::ConnectFunction connect);
  io::Loop& loop() { return loop_; }
  StallWatch& stalls() { return stalls_; }
  const io::ConnectFunction& connect() const { return connect_; }
  std::unique_ptr<Scratch> take();
  void give(std::unique_ptr<Scratch> scratch);

 private:
  static constexpr size_t kMostSpare = 16;
  static constexpr size_t kLargeBody = 16 * 1024;  // a spare one keeps no more
  io::Loop& loop_;
  io::ConnectFunction connect_;
  StallWatch stalls_;
  std::vector<std::unique_ptr<Scratch>> spare_;
};

class ProbeOwner {
 public:
  // Once per begin(), on the loop, never from inside it. The probe may be destroyed or begun again inside.
  virtual void on_outcome(const ProbeOutcome& outcome) = 0;

 protected:
  ~ProbeOwner() = default;
};

class Probe final : private io::TransportHandler, private http::ClientCodec::Handler, private DeadlineHandler {
 public:
  // `check.host` is resolved. `address` has the check's port already.
  Probe(ProbeKit& kit, const SocketAddress& address, const CheckOptions& check, ProbeOwner& owner);
  ~Probe();  // cancels: no outcome comes
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  void begin();  // not while one is running
  bool running() const { return state_ != State::kIdle; }

 private:
  enum class State : uint8_t { kIdle, kConnecting, kHead, kBody };

  void open();
  void ask();
  void on_connected(std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure);
  void judge();
  void judge_body();
  // The peer closed or reset before the answer was whole.
  void on_closed(std::string_view how);
  void pass() { finish(ProbeOutcome::Verdict::kPassed, {}); }
  void fail(std::string reason) { finish(ProbeOutcome::Verdict::kFailed, std::move(reason)); }
  void finish(ProbeOutcome::Verdict verdict, std::string reason, bool stalled = false);
  void stop();  // back to kIdle, without an outcome
  bool may_keep() const;
  void close();
  const Match& match() const;
  std::string late_reason() const;

  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override;
  void on_sent() override {}
  void on_deadline(Deadline& which) override;

  Arena& response_arena(http::StreamId) override { return scratch_->arena; }
  http::ResponseHead& response_head(http::StreamId) override { return scratch_->head; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId) override { head_came_ = true; }
  void on_body(http::StreamId, std::string_view bytes) override;
  void on_response_end(http::StreamId) override { ended_ = true; }
  void on_error(http::StreamId, ErrorKind, std::string_view why) override { invalid_ = why; }

  ProbeKit& kit_;
  SocketAddress address_;
  CheckOptions check_;
  ProbeOwner& owner_;
  std::string request_;  // the head, composed once
  http::Method method_;
  std::unique_ptr<io::Connecting> connecting_;
  std::unique_ptr<io::Transport> transport_;  // in kIdle: one that is kept
  std::shared_ptr<io::TlsPeerSessions> sessions_;
  std::unique_ptr<ProbeKit::Scratch> scratch_;
  Deadline deadline_{this};
  MonoMs opened_at_ = 0;  // of the transport
  MonoMs due_ = 0;
  MonoMs lost_before_ = 0;  // of the loop, when the probe began
  int64_t began_us_ = 0;
  size_t body_bytes_ = 0;
  std::string_view invalid_;  // why the answer is none; static
  State state_ = State::kIdle;
  bool reused_ = false;
  bool answered_ = false;   // a byte came
  bool head_came_ = false;  // the final one
  bool ended_ = false;
  bool surplus_ = false;
};

}  // namespace weir::upstream
