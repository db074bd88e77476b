// Locations that answer for weir itself: metrics, status, stub_status. What they say only control knows, so a worker
// puts the question to control's desk and sends what comes back: once, or again and again (a stream of events).
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/head.h"
#include "io/loop.h"
#include "proxy/content.h"

namespace weir::proxy {

enum class MonitorPage : uint8_t { kMetrics, kStatus, kStubStatus };

struct MonitorQuestion {
  MonitorPage page = MonitorPage::kMetrics;
  std::string query;  // of the request, raw
  // False: the client has gone, and nothing more need be said. Shared with the worker.
  std::shared_ptr<std::atomic<bool>> wanted = std::make_shared<std::atomic<bool>>(true);
};

struct MonitorReply {
  int status = 200;
  std::string_view type = {};    // of static storage, as the next
  std::string_view policy = {};  // Content-Security-Policy; empty: none
  std::shared_ptr<const std::string> body = {};
  bool is_last = true;  // false: this begins or continues a stream
};

// Runs on control's thread; false: the worker has ended. Each reply after the first is a further piece of the body.
using MonitorAnswer = std::function<bool(MonitorReply reply)>;

// Control's side.
class MonitorDesk {
 public:
  virtual void ask(MonitorQuestion question, MonitorAnswer answer) = 0;

 protected:
  ~MonitorDesk() = default;
};

class MonitorContent;

// Those answers of one worker that are under way, which it owns.
class Monitors {
 public:
  explicit Monitors(io::Loop& loop) : loop_(loop) {}
  // May end the exchange.
  void begin(Exchange& exchange, MonitorPage page);

 private:
  friend class MonitorContent;
  void ended(MonitorContent& content);

  io::Loop& loop_;
  IntrusiveList<MonitorContent> running_;  // owned: made by begin(), buried by ended()
};

class MonitorContent final : public Content, public io::Buriable, public ListNode {
 public:
  MonitorContent(Monitors& owner, Exchange& exchange) : owner_(owner), exchange_(exchange) {}
  // May end the exchange.
  void ask(MonitorPage page);

  // Content
  void on_request_body(std::string_view) override {}
  void resume() override;
  bool wants_request_body() override { return true; }
  void resume_response(const Chain& held) override;
  void abort(ErrorKind) override {}
  void end() override;

 private:
  void take(MonitorReply reply);
  void begin_answer(MonitorReply reply);
  void send();

  Monitors& owner_;
  Exchange& exchange_;
  http::ResponseHead head_;
  std::shared_ptr<const std::string> body_;
  std::string_view left_;  // of it
  bool is_last_ = false;
  bool is_begun_ = false;
  std::shared_ptr<std::atomic<bool>> wanted_;
  // Replies come later; on this worker's thread.
  std::shared_ptr<MonitorContent*> self_ = std::make_shared<MonitorContent*>(this);
};

std::shared_ptr<const ContentHandler> make_monitor(MonitorPage page);

}  // namespace weir::proxy
