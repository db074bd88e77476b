#include "http/expires.h"

#include <algorithm>
#include <optional>

#include "base/arena_text.h"
#include "base/bytes.h"
#include "http/date.h"

namespace weir::http {
namespace {

constexpr int64_t kDay = 86'400;

struct Unit {
  char letter;
  int64_t seconds;
};
// In the order in which they may follow each other (nginx's ngx_parse_time, in seconds).
constexpr Unit kUnits[] = {{'y', 365 * kDay}, {'M', 30 * kDay}, {'w', 7 * kDay}, {'d', kDay},
                           {'h', 3'600},      {'m', 60},        {'s', 1}};

std::optional<int64_t> parse_seconds(std::string_view text) {
  constexpr int64_t kMost = 100 * 365 * kDay;
  if (text.empty()) return std::nullopt;
  int64_t sum = 0;
  const Unit* next = std::begin(kUnits);
  while (!text.empty()) {
    if (!is_digit(text.front())) return std::nullopt;
    int64_t value = 0;
    while (!text.empty() && is_digit(text.front())) {
      value = value * 10 + (text.front() - '0');
      if (value > kMost) return std::nullopt;
      text.remove_prefix(1);
    }
    const char letter = text.empty() || text.front() == ' ' ? 's' : text.front();
    if (!text.empty()) text.remove_prefix(1);
    next = std::find_if(next, std::end(kUnits), [&](const Unit& unit) { return unit.letter == letter; });
    if (next == std::end(kUnits)) return std::nullopt;
    sum += value * next->seconds;
    if (sum > kMost) return std::nullopt;
    ++next;
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return sum;
}

std::string_view date(int64_t seconds, Arena& arena) {
  DateText text;
  return arena.copy(imf_fixdate(seconds * 1'000'000, text));
}

}  // namespace

Result<ExpiresRule> parse_expires(std::string_view text, bool modified) {
  using Form = ExpiresRule::Form;
  if (!modified) {
    if (text == "off") return ExpiresRule{};
    if (text == "epoch") return ExpiresRule{Form::kEpoch};
    if (text == "max") return ExpiresRule{Form::kMax};
  }
  ExpiresRule rule{modified ? Form::kModified : Form::kAccess};
  std::string_view time = text;
  if (time.starts_with('@')) {
    if (modified) return Unexpected{std::string("a time, as \"modified\" does not go with a time of day")};
    rule.form = Form::kDaily;
    time.remove_prefix(1);
  }
  const bool is_negative = time.starts_with('-');
  if (is_negative || time.starts_with('+')) time.remove_prefix(1);
  const auto seconds = parse_seconds(time);
  if (!seconds || (rule.form == Form::kDaily && is_negative))
    return Unexpected{std::string("a time like 30d or -1, a time of day like @15h30m, epoch, max or off")};
  if (rule.form == Form::kDaily && *seconds > kDay)
    return Unexpected{std::string("a time of day of less than 24 hours")};
  rule.seconds = is_negative ? -*seconds : *seconds;
  return rule;
}

ExpiresFields expires_fields(const ExpiresRule& rule, int64_t now, int64_t modified, int utc_offset, Arena& arena) {
  using Form = ExpiresRule::Form;
  if (rule.form == Form::kEpoch) return {"Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"};
  if (rule.form == Form::kMax) return {"Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"};
  int64_t at = now + rule.seconds;
  if (rule.form == Form::kModified && modified >= 0 && rule.seconds != 0) at = modified + rule.seconds;
  if (rule.form == Form::kDaily) {
    const int64_t local = now + int64_t{utc_offset} * 60;
    at = now - local % kDay + rule.seconds;
    if (at <= now) at += kDay;
  }
  const int64_t age = at - now;
  const bool is_past = age < 0 || rule.seconds < 0;
  return {date(at, arena), is_past ? "no-cache" : arena.concat({"max-age=", number_text(age, arena)})};
}

}  // namespace weir::http
