// Events of the codec record, act() acts (design/0002).
#include "admin/session.h"

#include <utility>

#include "admin/json.h"

namespace weir::admin {

AdminSession::AdminSession(io::Loop& loop, std::unique_ptr<io::Transport> transport, AdminApi& api, std::string who,
                           std::function<void(AdminSession&)> on_closed)
    : loop_(loop),
      transport_(std::move(transport)),
      api_(api),
      who_(std::move(who)),
      on_closed_(std::move(on_closed)) {}

AdminSession::~AdminSession() {
  *self_ = nullptr;
}

void AdminSession::start() {
  transport_->set_handler(this);
  transport_->want_read(true);
  arm(kIdle);
}

void AdminSession::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  deadline_.cancel();
  transport_->close();
  on_closed_(*this);
}

void AdminSession::on_read(std::string_view bytes) {
  if (state_ == State::kFlushing) return;
  if (state_ == State::kReading && !stash_.empty()) {
    stash_.append(bytes);
    const std::string all = std::exchange(stash_, {});
    feed(all);
  } else if (state_ == State::kReading) {
    feed(bytes);
  } else {
    stash_.append(bytes);  // the next request; nobody needs much ahead
    if (stash_.size() > kMostBody) transport_->want_read(false);
  }
}

void AdminSession::feed(std::string_view bytes) {
  const bool was_inside = codec_.inside_request();
  const size_t used = codec_.feed(bytes, *this);
  stash_.assign(bytes.substr(used));
  if (state_ == State::kReading && !was_inside && codec_.inside_request()) arm(kRequest);
  act();
}

// A loop, not a recursion: a client may send a thousand requests in one piece.
void AdminSession::act() {
  if (std::exchange(acting_, true)) return;
  while (state_ == State::kReading && (complete_ || too_large_ || rejected_ != 0)) {
    if (rejected_ != 0)
      refuse(rejected_, reject_reason_);
    else if (too_large_)
      refuse(413, "the body is larger than 64 KB");
    else
      ask();
    if (state_ != State::kReading) break;
    transport_->want_read(true);
    const std::string rest = std::exchange(stash_, {});
    const size_t used = rest.empty() ? 0 : codec_.feed(rest, *this);
    stash_.assign(rest.substr(used));
    if (codec_.inside_request()) arm(kRequest);
  }
  acting_ = false;
  if (state_ != State::kReading) return;
  if (eof_) return close();
  if (has_head_ && head_.expect_continue && !std::exchange(continue_sent_, true)) {
    http::OutBatch out;
    http::OutResponse interim;
    interim.status = 100;
    codec_.send_interim(http::kH1Stream, interim, arena_, out);
    if (out.size() != 0 && transport_->send(out.pieces(), out.size()) != 0) close();
  }
}

void AdminSession::ask() {
  state_ = State::kAnswering;
  deadline_.cancel();  // a reload takes what it takes
  AdminRequest request;
  request.method = std::string(head_.method_text);
  request.path = std::string(head_.path);
  if (const http::Field* type = head_.fields.find(http::HeaderToken::kContentType))
    request.content_type = std::string(type->value);
  request.body = std::move(body_);
  request.who = who_;
  keep_alive_ = head_.keep_alive;
  api_.handle(request, [self = self_](const AdminReply& reply) {
    if (*self != nullptr && (*self)->state_ == State::kAnswering) (*self)->answer(reply);
  });
}

void AdminSession::refuse(int status, std::string_view why) {
  last_ = true;
  head_.method = http::Method::kOther;
  answer({.status = status, .body = error_json(why.empty() ? "the request is malformed" : why)});
}

void AdminSession::answer(const AdminReply& reply) {
  http::FieldList fields;
  fields.add("Content-Type", reply.type, http::HeaderToken::kContentType);
  fields.add("Cache-Control", "no-store", http::HeaderToken::kCacheControl);
  if (!reply.allow.empty()) fields.add("Allow", reply.allow, http::HeaderToken::kOther);
  const bool close_after = last_ || !keep_alive_ || eof_;
  http::OutResponse out;
  out.status = reply.status;
  out.body = {head_.method != http::Method::kHead, static_cast<int64_t>(reply.body.size())};
  out.fields = &fields;
  http::OutBatch batch;
  codec_.frame(out.status, out.body, !close_after);
  codec_.send_head(http::kH1Stream, out, arena_, batch);
  const std::string_view body = head_.method == http::Method::kHead ? std::string_view() : reply.body;
  codec_.send_body(http::kH1Stream, &body, 1, batch);
  codec_.send_end(http::kH1Stream, nullptr, arena_, batch);
  if (transport_->send(batch.pieces(), batch.size()) != 0) return close();
  has_head_ = complete_ = too_large_ = continue_sent_ = false;
  body_.clear();
  arena_.reset();
  head_.clear();
  if (close_after) {
    state_ = State::kFlushing;
    arm(kFlush);
    return flushed();
  }
  state_ = State::kReading;
  codec_.resume();
  arm(kIdle);
  if (!acting_) {  // a late answer: what was read meanwhile is the next request
    transport_->want_read(true);
    const std::string rest = std::exchange(stash_, {});
    feed(rest);
  }
}

// Input that nobody reads would turn the close into a reset that takes the answer away: FIN first.
void AdminSession::flushed() {
  if (transport_->queued() != 0) return;
  transport_->shutdown_write();
  if (eof_) return close();
  transport_->want_read(true);
}

void AdminSession::on_eof() {
  eof_ = true;
  // Half a request is nothing; a whole one is still answered.
  if (state_ == State::kReading || (state_ == State::kFlushing && transport_->queued() == 0)) close();
}

void AdminSession::on_transport_error(int) {
  close();
}

void AdminSession::on_sent() {
  if (state_ != State::kFlushing) return;
  arm(kFlush);
  flushed();
}

http::HeadStorage AdminSession::begin_request(http::StreamId) {
  return {&arena_, &head_};
}

void AdminSession::on_request(http::StreamId) {
  has_head_ = true;
  too_large_ = head_.framing == http::Framing::kLength && head_.content_length > static_cast<int64_t>(kMostBody);
}

void AdminSession::on_body(http::StreamId, std::string_view bytes) {
  if (too_large_ || body_.size() + bytes.size() > kMostBody)
    too_large_ = true;
  else
    body_.append(bytes);
}

void AdminSession::on_request_end(http::StreamId) {
  complete_ = true;
}

void AdminSession::on_reject(http::StreamId, const http::Reject& reject) {
  rejected_ = reject.status;
  reject_reason_ = reject.reason;
}

void AdminSession::on_deadline(Deadline&) {
  close();
}

}  // namespace weir::admin
