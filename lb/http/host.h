// The authority of a Host field or of an absolute-form target, validated and made ready for routing.
#pragma once
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace weir::http {

// Lower-cased (in the arena, when that changes it), without port and trailing dot; an IPv6 literal keeps its brackets.
// nullopt for everything that could be read in two ways: user info, lists, spaces, percent-encoding, empty labels, a
// bad port, nothing at all.
std::optional<std::string_view> routing_host(std::string_view authority, Arena& arena);

}  // namespace weir::http
