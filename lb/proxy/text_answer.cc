#include "proxy/text_answer.h"

#include "proxy/exchange.h"

namespace weir::proxy {

void send_text(Exchange& exchange, http::ResponseHead& head, std::string_view& left, bool is_last) {
  if (exchange.is_replaced()) {
    exchange.take_back_response();
    exchange.answer_replaced();
    return;
  }
  Responder& responder = exchange.responder();
  do {  // what goes out at once makes room at once
    http::OutResponse out;
    const bool begins = responder.state == ResponseState::kHead;
    if (begins) exchange.compose_response_head(head, out);
    const std::string_view piece = left.substr(0, exchange.response_room());
    left.remove_prefix(piece.size());
    if (!piece.empty()) responder.body.add(piece);
    if (!begins && piece.empty() && (!is_last || !left.empty())) return;
    exchange.send_response(begins ? &out : nullptr, left.empty() && is_last);
    if (responder.client_error != 0) return exchange.client_gone(ErrorKind::kClientClosed);
    if (responder.failed) return exchange.fail_response();
    if (responder.state == ResponseState::kEnded) return exchange.finish(ErrorKind::kNone);
  } while (!left.empty() && exchange.response_room() > 0);
}

}  // namespace weir::proxy
