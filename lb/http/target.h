// Request-target rules (RFC 9112 3.2): which forms a method may have, what is refused, and the text that is forwarded.
#pragma once
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"

namespace weir::http {

// Fills form, target, path, query and has_query of `head`, whose method is set; an absolute form also sets host_field
// to its authority. Views are of `raw` or of the arena. nullopt is success.
[[nodiscard]] std::optional<Reject> parse_target(std::string_view raw, Arena& arena, RequestHead& head);

// `text` with every byte that may not stand in a request line (up to 0x20, from 0x7f) percent-encoded; itself when
// there is none.
std::string_view encode_unsafe(std::string_view text, Arena& arena);

}  // namespace weir::http
