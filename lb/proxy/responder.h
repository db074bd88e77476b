// What goes to the client: how far the answer is, and what was decided about it.
#pragma once
#include <cstdint>

#include "http/codec.h"
#include "proxy/relay.h"
#include "proxy/states.h"

namespace weir::proxy {

struct ResponderState {
  ResponseState state = ResponseState::kNone;
  bool failed = false;                    // a filter of the body did: fail_response()
  bool body_hidden = false;               // the status that the client gets has no body: an error_page's
  bool event_stream = false;              // text/event-stream: the peer's silence is normal
  bool buffered = false;                  // the peer's answer is taken as far as proxy_buffers go
  bool has_trailers = false;              // add_trailer puts fields behind the body
  bool interim_sent = false;              // a 1xx of a peer: the request is that peer's now
  int client_error = 0;                   // of a send in the middle of a feed: a negative errno
  const http::FieldList* sent = nullptr;  // the fields of the head that goes out; null: none was composed
  http::OutBody sent_body;                // of that head
};

struct Responder : ResponderState {
  void begin() { static_cast<ResponderState&>(*this) = {}; }
  bool has_begun() const { return state != ResponseState::kNone && state != ResponseState::kHead; }

  Relay body;                // on its way out
  http::ResponseHead local;  // of an answer of weir's own
};

}  // namespace weir::proxy
