// The checks on a tokenized head that decide where its message ends and what its sender asked of the connection (RFC
// 9112 6.3 and 9.3, RFC 9110 7.6.1 and 7.8). What two parties could frame in two ways is refused.
#pragma once
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"

namespace weir::http {

// A Connection field may name this many options in one message; each costs a comparison with every field.
inline constexpr int kMostConnectionOptions = 32;

// Fills framing, content_length, keep_alive, expect_continue, websocket, host_field (unless an absolute form gave it)
// and host. nullopt is success.
[[nodiscard]] std::optional<Reject> check_request(RequestHead& head, Arena& arena);

// Fills framing, content_length, keep_alive, keep_alive_timeout and upgraded for the response to a request of
// that method; `upgrade` is the protocol that the request asked for, empty: none. Empty is success, else the static
// reason.
[[nodiscard]] std::string_view check_response(ResponseHead& head, Method method, std::string_view upgrade);

}  // namespace weir::http
