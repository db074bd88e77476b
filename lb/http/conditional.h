// Conditional requests: what is asked for only if it has changed, or only if it has not (RFC 9110 13).
#pragma once
#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace weir::http {

// What would be answered.
struct Validators {
  int64_t modified = -1;       // seconds; -1: not known
  std::string_view etag = {};  // as it is sent: "x" in quotes, W/ before a weak one; empty: none
};

// nginx's if_modified_since: what a date of If-Modified-Since says.
enum class ModifiedSince : uint8_t {
  kOff,     // nothing
  kExact,   // not modified if it is that date
  kBefore,  // not modified if it is not later
};

enum class Precondition : uint8_t { kHolds, kNotModified /* 304 */, kFailed /* 412 */ };

// In the order of RFC 9110 13.2.2: If-Match before If-Unmodified-Since, If-None-Match before If-Modified-Since; the
// second of a pair is ignored where the first is there. For GET and HEAD. A date that is none is ignored.
Precondition check_preconditions(const RequestHead& head, const Validators& validators, ModifiedSince rule);

// Whether If-Range, where it is there, names what would be answered (RFC 9110 13.1.5): ranges are of that then.
bool if_range_holds(const RequestHead& head, const Validators& validators);

}  // namespace weir::http
