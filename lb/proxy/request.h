// What the client asked for, and how much of it has come.
#pragma once
#include <cstdint>

#include "base/chunk.h"
#include "http/head.h"
#include "proxy/states.h"

namespace weir::proxy {

struct RequestProgress {
  RequestState state = RequestState::kIdle;
  bool held = true;  // Request::body is all of the body that came so far
  bool continue_sent = false;
  bool body_ended = false;  // for who answers: the filters have passed on its end too
  uint64_t body_bytes = 0;  // that came
};

struct Request : RequestProgress {
  explicit Request(ChunkPool& chunks) : body(chunks) {}
  void begin() { static_cast<RequestProgress&>(*this) = {}; }
  void end() {
    body.clear();
    head.clear();
  }
  bool is_receiving() const { return state == RequestState::kReceiving || state == RequestState::kDiscarding; }
  // Nothing further of its body will come for who answers it.
  bool is_whole() const { return body_ended || head.framing == http::Framing::kNone; }

  Chain body;  // held until a content takes it, and for a retry
  http::RequestHead head;
};

}  // namespace weir::proxy
