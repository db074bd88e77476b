// The way of a response to the client: head, pieces and end through the location's filters into the codec.
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

void Exchange::begin_response(http::ResponseHead& head) {
  move(ResponseState::kHead);
  response_head_ = &head;
  if (!location_->filters.empty()) filter_response();
}

void Exchange::send_response(const http::OutResponse* head, bool end) {
  Relay& body = responder_.body;
  Message message;
  message.head = head;
  message.end = end;
  if (head != nullptr) move(end && body.count() == 0 ? ResponseState::kEnded : ResponseState::kBody);
  if (responder_.body_hidden) body.flushed();
  if (body.count() > 0) {
    if (!location_->filters.empty()) {
      for (int i = 0; i < body.count(); ++i) filter_response_body(body.piece(i), end && i + 1 == body.count());
    }
    for (int i = 0; i < body.count(); ++i) record_.body_bytes_sent += body.pieces()[i].size();
    message.pieces = body.pieces();
    message.count = body.count();
    body.flushed();
  }
  if (end) move(ResponseState::kEnded);
  const Sent sent = downstream_->send(message);
  record_.bytes_sent += sent.bytes;
  if (sent.error < 0) responder_.client_error = sent.error;
}

}  // namespace weir::proxy
