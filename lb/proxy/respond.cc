// The way of a response to the client: head, pieces and end through the location's filters to the downstream.
#include <algorithm>

#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

void Exchange::begin_response(http::ResponseHead& head) {
  move(ResponseState::kHead);
  response_head_ = &head;
  response_filter_at_ = 0;
  if (kept_fields_ != nullptr) add_kept_fields(head);
  if (!location_->filters.empty() && !filters_off_ && !answered_by_filter_) filter_response();
}

void Exchange::send_response(const http::OutResponse* head, bool end) {
  Relay& body = responder_.body;
  if (responder_.failed) {
    body.flushed();
    return;
  }
  if (head != nullptr && !location_->filters.empty()) begin_response_run();
  if (response_run_.is_on()) {
    for (int i = 0; i < body.count(); ++i) response_run_.put(body.pieces()[i]);
    body.flushed();
    if (end) response_run_.put_end();
    run_response_body(head);
    return;
  }
  if (responder_.body_hidden) body.flushed();
  transmit({.head = head, .pieces = body.pieces(), .count = body.count(), .end = end});
  body.flushed();
}

bool Exchange::takes_files() const {
  const Location& location = *location_;
  if (!location.files.sendfile || !downstream_->takes_files()) return false;
  if (location.limit_rate.is_on() || !asked_rate_.empty() || throttle_ != nullptr) return false;
  if (!location.add_trailers.empty() || error_status_ != 0 || response_run_.is_on()) return false;
  if (filters_off_) return true;
  for (size_t i = 0; i < location.filters.size(); ++i)
    if (location.filters[i]->takes_response_body(filter_state(i))) return false;
  return true;
}

size_t Exchange::send_file(const http::OutResponse* head, const io::FilePart& file) {
  if (!asked_rate_.empty()) {  // the head has brought it
    send_response(head, false);
    return 0;
  }
  if (head != nullptr) move(ResponseState::kBody);
  size_t taken = 0;
  const Sent sent = downstream_->send_file(head, file, &taken);
  record_.body_bytes_sent += taken;
  record_.bytes_sent += sent.bytes;
  if (sent.error < 0) responder_.client_error = sent.error;
  return taken;
}

void Exchange::transmit(const Message& message) {
  if (message.head != nullptr && (location_->limit_rate.is_on() || !asked_rate_.empty())) begin_throttle();
  throttle_ != nullptr ? send_throttled(message) : send_now(message);
}

void Exchange::send_now(const Message& message) {
  if (message.head != nullptr) move(message.end && message.count == 0 ? ResponseState::kEnded : ResponseState::kBody);
  for (int i = 0; i < message.count; ++i) record_.body_bytes_sent += message.pieces[i].size();
  if (message.end) move(ResponseState::kEnded);
  const Sent sent = message.end && responder_.has_trailers ? send_with_trailers(message) : downstream_->send(message);
  record_.bytes_sent += sent.bytes;
  if (sent.error < 0) responder_.client_error = sent.error;
}

// add_trailer: when the body has ended, since their variables may speak of it.
Sent Exchange::send_with_trailers(Message message) {
  sent_trailers_ = std::make_unique<http::FieldList>();
  add_trailers(*sent_trailers_);
  message.trailers = sent_trailers_.get();
  return downstream_->send(message);
}

size_t Exchange::held_behind_filters() const {
  const size_t held = downstream_->held();
  return throttle_ == nullptr ? held : held + throttle_->held().size();
}

size_t Exchange::response_held() const {
  const size_t held = held_behind_filters();
  return response_run_.is_on() ? held + response_run_.held() : held;
}

size_t Exchange::response_room() const {
  return Downstream::kRoom - std::min(response_held(), Downstream::kRoom);
}

}  // namespace weir::proxy
