// What the operating system says, in words.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// `CALL failed (2: No such file or directory)`, as nginx writes it; `call` names what it was made on: `open()
// "weir.conf"`. Any thread.
std::string call_failed(std::string_view call, int code);

// The machine's name; "localhost" when it has none.
std::string host_name();

}  // namespace weir
