// What a request for a file may ask: ranges are inside of the body and no longer than it together, conditions have one
// answer, times of `expires` are bounded.
// uses: base http
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/conditional.h"
#include "http/date.h"
#include "http/expires.h"
#include "http/ranges.h"

namespace {

using namespace weir;
using namespace weir::http;

void must(bool fact) {
  if (!fact) std::abort();
}

void check_ranges(std::string_view text, int64_t size) {
  std::vector<ByteRange> ranges;
  const RangeAnswer answer = parse_ranges(text, size, INT64_MAX, ranges);
  if (answer != RangeAnswer::kParts) return;
  must(!ranges.empty());
  int64_t sum = 0;
  Arena arena;
  for (const ByteRange& range : ranges) {
    must(range.begin >= 0 && range.begin < range.end && range.end <= size);
    sum += range.size();
    must(sum <= size);
    must(!content_range(range, size, arena).empty());
  }
  const auto most = static_cast<int64_t>(ranges.size());
  must(parse_ranges(text, size, most, ranges) == RangeAnswer::kParts);
  must(parse_ranges(text, size, most - 1, ranges) == RangeAnswer::kWhole);
}

void check_conditions(std::string_view text) {
  const Validators validators{784111777, "\"a\""};
  for (const char* name : {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}) {
    RequestHead head;
    head.fields.add(name, text, header_token(name), false);
    const Precondition exact = check_preconditions(head, validators, ModifiedSince::kExact);
    const Precondition before = check_preconditions(head, validators, ModifiedSince::kBefore);
    must(exact != Precondition::kNotModified || before == Precondition::kNotModified);
    const bool may_fail = std::strcmp(name, "If-Match") == 0 || std::strcmp(name, "If-Unmodified-Since") == 0;
    must(exact != Precondition::kFailed || may_fail);
    (void)if_range_holds(head, validators);
  }
}

void check_expires(std::string_view text) {
  for (const bool modified : {false, true}) {
    const auto rule = parse_expires(text, modified);
    if (!rule || rule->form == ExpiresRule::Form::kOff) continue;
    Arena arena;
    const ExpiresFields fields = expires_fields(*rule, 784111777, modified ? 784000000 : -1, 60, arena);
    must(parse_date(fields.expires).has_value() && !fields.cache_control.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  uint64_t number;
  std::memcpy(&number, data, sizeof number);
  const std::string_view text(reinterpret_cast<const char*>(data) + 8, size - 8);
  check_ranges(text, static_cast<int64_t>(number >> 1));
  check_ranges(text, 1000);
  check_conditions(text);
  check_expires(text);
  return 0;
}
