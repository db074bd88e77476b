#include "proxy/monitor.h"

#include <utility>

#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/text_answer.h"

namespace weir::proxy {

void Monitors::begin(Exchange& exchange, MonitorPage page) {
  auto content = std::make_unique<MonitorContent>(*this, exchange);
  running_.push_back(*content);
  MonitorContent& running = *content.release();  // owned by running_ until ended()
  exchange.run(running);
  running.ask(page);
}

void Monitors::ended(MonitorContent& content) {
  content.unlink();
  loop_.bury(std::unique_ptr<MonitorContent>(&content));
}

void MonitorContent::ask(MonitorPage page) {
  MonitorQuestion question{.page = page, .query = std::string(exchange_.request().head.query)};
  wanted_ = question.wanted;
  exchange_.core().options().ask_control(std::move(question), [self = self_](MonitorReply reply) {
    if (*self != nullptr) (*self)->take(std::move(reply));
    return true;
  });
}

// A piece that finds the one before it still on its way is left out: a slow reader misses events, and holds no memory.
void MonitorContent::take(MonitorReply reply) {
  if (!is_begun_) {
    if (exchange_.responder().state == ResponseState::kNone) begin_answer(std::move(reply));
    return;  // else the request's body broke, and its page is on its way
  }
  is_last_ = is_last_ || reply.is_last || exchange_.core().draining();
  if (exchange_.is_response_held()) return;
  if (left_.empty() && reply.body != nullptr) {
    body_ = std::move(reply.body);
    left_ = *body_;
  }
  send();
}

void MonitorContent::begin_answer(MonitorReply reply) {
  is_begun_ = true;
  is_last_ = reply.is_last;
  const bool bodiless = exchange_.request().head.method == http::Method::kHead;
  body_ = std::move(reply.body);
  head_.status = reply.status;
  head_.framing = bodiless ? http::Framing::kNone : is_last_ ? http::Framing::kLength : http::Framing::kChunked;
  head_.content_length = is_last_ && body_ != nullptr ? static_cast<int64_t>(body_->size()) : is_last_ ? 0 : -1;
  head_.fields.add("Content-Type", reply.type, http::HeaderToken::kContentType);
  head_.fields.add("Cache-Control", "no-store", http::HeaderToken::kCacheControl);
  head_.fields.add("X-Content-Type-Options", "nosniff", http::HeaderToken::kOther);
  if (!reply.policy.empty()) {
    head_.fields.add("Content-Security-Policy", reply.policy, http::HeaderToken::kOther);
    head_.fields.add("Referrer-Policy", "no-referrer", http::HeaderToken::kOther);
    head_.fields.add("X-Frame-Options", "DENY", http::HeaderToken::kOther);
  }
  if (bodiless) is_last_ = true;
  if (exchange_.request().state == RequestState::kReceiving) exchange_.move(RequestState::kDiscarding);
  if (!bodiless && body_ != nullptr) left_ = *body_;
  exchange_.begin_response(head_);
  if (!exchange_.is_response_held()) send();
}

void MonitorContent::resume() {
  if (exchange_.responder().has_begun() && !left_.empty() && exchange_.response_room() > 0) send();
}

void MonitorContent::resume_response(const Chain&) {
  send();
}

void MonitorContent::send() {
  send_text(exchange_, head_, left_, is_last_);
}

void MonitorContent::end() {
  *self_ = nullptr;
  if (wanted_ != nullptr) wanted_->store(false, std::memory_order_relaxed);
  owner_.ended(*this);
}

namespace {

class MonitorHandler final : public ContentHandler {
 public:
  explicit MonitorHandler(MonitorPage page) : page_(page) {}
  void begin(Exchange& exchange) const override {
    const http::Method method = exchange.request().head.method;
    if (method != http::Method::kGet && method != http::Method::kHead)
      return exchange.answer_with(405, "Allow", "GET, HEAD");
    if (!exchange.core().options().ask_control) return exchange.answer(503);
    exchange.core().monitors().begin(exchange, page_);
  }

 private:
  const MonitorPage page_;
};

}  // namespace

std::shared_ptr<const ContentHandler> make_monitor(MonitorPage page) {
  return std::make_shared<MonitorHandler>(page);
}

}  // namespace weir::proxy
