// Heads and bodies to HTTP/1.1 bytes: one exact allocation in the arena for a head, views for a body.
#pragma once
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"

namespace weir::http {

// The status line always says HTTP/1.1. Framing, Connection and Upgrade never come from a field of the list; added
// fields with a control byte in the value are left out (response splitting).
std::string_view write_response_head(const OutResponse& head, OutFraming framing, ConnectionOption connection,
                                     Arena& arena);
std::string_view write_request_head(const OutRequest& head, Arena& arena);

void write_body(bool chunked, const std::string_view* pieces, int count, OutBatch& out);
void write_end(bool chunked, OutBatch& out);
// Of a chunked body with trailers (RFC 9112 7.1.2); fields as in a head.
void write_end(const FieldList& trailers, Arena& arena, OutBatch& out);

}  // namespace weir::http
