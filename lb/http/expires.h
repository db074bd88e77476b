// nginx's `expires`: how long an answer may be kept, as Expires and Cache-Control.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace weir::http {

struct ExpiresRule {
  enum class Form : uint8_t {
    kOff,
    kEpoch,
    kMax,
    kAccess,    // `seconds` from now on, perhaps negative
    kModified,  // `seconds` from when it was last modified on
    kDaily,     // when it is next `seconds` after midnight, in local time
  };
  Form form = Form::kOff;
  int64_t seconds = 0;
  bool operator==(const ExpiresRule&) const = default;
};

// "off", "epoch", "max", "30d", "-1", "@15h30m"; `modified`: behind that word, a time alone. The error says what it
// must be.
Result<ExpiresRule> parse_expires(std::string_view text, bool modified);

struct ExpiresFields {
  std::string_view expires;
  std::string_view cache_control;
};

// Of a rule that is not off. `now` and `modified` (-1: not known) in seconds, `utc_offset` in minutes.
ExpiresFields expires_fields(const ExpiresRule& rule, int64_t now, int64_t modified, int utc_offset, Arena& arena);

}  // namespace weir::http
