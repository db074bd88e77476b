// Making a value safe for a log line, as nginx 1.22 does.
#pragma once
#include <string>
#include <string_view>

#include "observe/access_log.h"

namespace weir::observe {

// A value longer than this is cut before it is escaped.
inline constexpr size_t kLongestLogValue = 8 * 1024;

// default: '"', '\', control characters and bytes from 0x7f on become \xXX. json: what JSON strings demand; bytes that
// are no UTF-8 become \u00XX, so that the line stays JSON. none: as it is.
void append_escaped(std::string& out, std::string_view value, LogEscape escape);

}  // namespace weir::observe
