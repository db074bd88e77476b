// Wall time as text: the Date header and nginx's log formats. Pure functions of microseconds; callers cache by the
// second.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

inline constexpr int kDateBytes = 32;  // enough for every format below
using DateText = char[kDateBytes];

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7). The views are of `out`; years are clamped to 0-9999.
std::string_view imf_fixdate(int64_t wall_us, DateText& out);
// Seconds of a field that holds a date, in any of the three forms that a recipient must know (RFC 9110 5.6.7):
// imf_fixdate's, "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994".
std::optional<int64_t> parse_date(std::string_view text);
// nginx's $time_local: "28/Sep/1970:12:00:00 +0600".
std::string_view time_local(int64_t wall_us, int utc_offset_minutes, DateText& out);
// nginx's $time_iso8601: "1970-09-28T12:00:00+06:00".
std::string_view time_iso8601(int64_t wall_us, int utc_offset_minutes, DateText& out);
// nginx's $msec: "1503544071.123".
std::string_view time_msec(int64_t wall_us, DateText& out);
// Of this machine's time zone at that time.
int utc_offset_minutes(int64_t wall_us);

}  // namespace weir::http
