// Content codings as clients ask for them (RFC 9110 12.5.3).
#pragma once
#include <string_view>

namespace weir::http {

// How much a client wants `coding`, in thousandths; 0: not at all. `list` is the value of Accept-Encoding. As nginx: a
// coding must be named, "*" names none, the first that names it counts, and a weight that is none is 0.
int coding_weight(std::string_view list, std::string_view coding);

}  // namespace weir::http
