// What contents share that have their answer as text.
#pragma once
#include <string_view>

#include "http/head.h"

namespace weir::proxy {

class Exchange;

// Head, and as much of `left` as the client takes now; what was taken is cut off it. `is_last`: the answer ends with
// it. May end the exchange, and with it the content that calls.
void send_text(Exchange& exchange, http::ResponseHead& head, std::string_view& left, bool is_last);

}  // namespace weir::proxy
