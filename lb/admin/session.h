// One connection of the admin socket: one request after the other through http's codec, each answered whole.
//
//   kReading -> kAnswering -> kReading ...    kReading: a request is awaited or arrives; kAnswering: the API has it
//                   \-> kFlushing             the last answer is on its way out, then it closes
//   any -> kClosed
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "admin/api.h"
#include "base/arena.h"
#include "http/h1_codec.h"
#include "io/loop.h"
#include "io/transport.h"

namespace weir::admin {

class AdminSession final : public io::Buriable,
                           private io::TransportHandler,
                           private http::ServerCodec::Handler,
                           private DeadlineHandler {
 public:
  static constexpr size_t kMostBody = 64 * 1024;
  static constexpr http::HeadLimits kLimits{8 * 1024, 4 * 1024, 50};
  static constexpr Millis kIdle{60'000};
  static constexpr Millis kRequest{10'000};  // from its first byte to its last
  static constexpr Millis kFlush{30'000};    // without progress

  // `on_closed` is told once, when it has closed by itself or by close(): the owner buries it.
  AdminSession(io::Loop& loop, std::unique_ptr<io::Transport> transport, AdminApi& api, std::string who,
               std::function<void(AdminSession&)> on_closed);
  ~AdminSession() override;

  void start();
  void close();
  // A request is awaited, or arrives slowly; and since when: since the last answer went, or a request began.
  bool is_waiting() const { return state_ == State::kReading; }
  MonoMs waits_since() const { return waits_since_; }

 private:
  enum class State : uint8_t { kReading, kAnswering, kFlushing, kClosed };

  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override;
  void on_sent() override;
  http::HeadStorage begin_request(http::StreamId stream) override;
  void on_request(http::StreamId stream) override;
  void on_body(http::StreamId stream, std::string_view bytes) override;
  void on_request_end(http::StreamId stream) override;
  void on_reject(http::StreamId stream, const http::Reject& reject) override;
  void on_deadline(Deadline& which) override;

  void feed(std::string_view bytes);
  void act();
  void ask();
  void answer(const AdminReply& reply);
  void refuse(int status, std::string_view why);
  void flushed();
  void arm(Millis after) {
    waits_since_ = loop_.now();
    loop_.arm(deadline_, waits_since_ + after.count());
  }

  io::Loop& loop_;
  const std::unique_ptr<io::Transport> transport_;
  AdminApi& api_;
  const std::string who_;
  const std::function<void(AdminSession&)> on_closed_;
  http::HeadLimits limits_ = kLimits;
  http::H1ServerCodec codec_{limits_};
  Arena arena_;
  http::RequestHead head_;
  std::string body_;
  std::string stash_;  // read and not consumed yet
  Deadline deadline_{this};
  MonoMs waits_since_ = 0;
  // Whoever answers late looks whether this one is still there.
  std::shared_ptr<AdminSession*> self_ = std::make_shared<AdminSession*>(this);
  // What the codec's events said; act() follows them.
  bool has_head_ = false;
  bool complete_ = false;
  bool too_large_ = false;
  int rejected_ = 0;
  std::string_view reject_reason_;
  bool continue_sent_ = false;
  bool keep_alive_ = true;
  bool last_ = false;  // no request after this one
  bool eof_ = false;
  bool acting_ = false;
  State state_ = State::kReading;
};

}  // namespace weir::admin
