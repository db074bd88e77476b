#include "runtime/span_retry.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include "http/date.h"

namespace weir::runtime {
namespace {

// Too many requests, and those that a gateway or an overloaded collector gives.
bool may_pass(int status) {
  constexpr int kStatuses[] = {429, 502, 503, 504};
  return std::find(std::begin(kStatuses), std::end(kStatuses), status) != std::end(kStatuses);
}

// RFC 9110 10.2.3: seconds or a date; 0 where it is neither.
Millis asked_by(std::string_view retry_after, Millis most, int64_t wall_us) {
  const int64_t most_seconds = most.count() / 1'000;
  int64_t seconds = 0;
  if (const auto date = http::parse_date(retry_after)) {
    seconds = *date - wall_us / 1'000'000;
  } else {
    const char* const end = retry_after.data() + retry_after.size();
    const auto [stop, failed] = std::from_chars(retry_after.data(), end, seconds);
    if (stop != end || failed == std::errc::invalid_argument) return Millis(0);
    if (failed == std::errc::result_out_of_range) return most;
  }
  return Millis(std::clamp<int64_t>(seconds, 0, most_seconds) * 1'000);
}

}  // namespace

std::optional<Millis> wait_before_retry(const SpanRetry& retry, int tries, const Result<fetch::Answer>& answer,
                                        int64_t wall_us, Rng& rng) {
  if (tries >= retry.tries || (answer && !may_pass(answer->status))) return std::nullopt;
  Millis wait = std::min(retry.first, retry.most);
  for (int i = 1; i < tries && wait < retry.most; ++i) wait = std::min(2 * wait, retry.most);
  wait -= Millis(rng.below(static_cast<uint64_t>(wait.count() / 2) + 1));
  return answer ? std::max(wait, asked_by(answer->field("retry-after"), retry.most_asked, wall_us)) : wait;
}

}  // namespace weir::runtime
