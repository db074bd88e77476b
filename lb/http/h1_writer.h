// Heads and bodies to HTTP/1.1 bytes: one exact allocation in the arena for a head, views for a body.
#pragma once
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"

namespace weir::http {

struct WrittenHead {
  std::string_view text;
  bool chunked = false;  // the body goes out in chunks
};

// The status line always says HTTP/1.1. Framing, Connection and Upgrade come from `head`, never from a field of its
// list; added fields with a control byte in the value are left out (response splitting).
WrittenHead write_response_head(const OutResponse& head, Arena& arena);
WrittenHead write_request_head(const OutRequest& head, Arena& arena);

void write_body(bool chunked, const std::string_view* pieces, int count, OutBatch& out);
void write_end(bool chunked, OutBatch& out);

}  // namespace weir::http
