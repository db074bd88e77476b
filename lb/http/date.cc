// Calendar arithmetic without locale and without libc's time zone lock (but for utc_offset_minutes).
#include "http/date.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>

#include "base/bytes.h"

namespace weir::http {
namespace {

constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr char kDays[] = "ThuFriSatSunMonTueWed";  // the epoch was a Thursday
constexpr int64_t kFirstSecond = -62167219200;     // year 0
constexpr int64_t kLastSecond = 253402300799;      // year 9999

struct Civil {
  int year, month, day, hour, minute, second;  // month 1-12
  int weekday;                                 // of kDays
};

constexpr int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// Days to a date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
Civil civil(int64_t wall_us, int offset_minutes) {
  const int64_t seconds =
      std::clamp(floor_div(wall_us, 1'000'000) + int64_t{offset_minutes} * 60, kFirstSecond, kLastSecond);
  const int64_t days = floor_div(seconds, 86400);
  const int in_day = static_cast<int>(seconds - days * 86400);
  const int64_t shifted = days + 719468;
  const int64_t era = floor_div(shifted, 146097);
  const int64_t doe = shifted - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  Civil c;
  c.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  c.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  c.year = static_cast<int>(yoe + era * 400 + (c.month <= 2 ? 1 : 0));
  c.hour = in_day / 3600;
  c.minute = in_day / 60 % 60;
  c.second = in_day % 60;
  c.weekday = static_cast<int>(((days % 7) + 7) % 7);
  return c;
}

class Text {
 public:
  explicit Text(DateText& out) : start_(out), at_(out) {}
  Text& put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Text& two(int value) {
    *at_++ = static_cast<char>('0' + value / 10 % 10);
    *at_++ = static_cast<char>('0' + value % 10);
    return *this;
  }
  Text& four(int value) { return two(value / 100).two(value % 100); }
  Text& name(const char* names, int index) { return put({names + 3 * index, 3}); }
  Text& offset(int minutes, std::string_view colon) {
    const int size = minutes < 0 ? -minutes : minutes;
    return put(minutes < 0 ? "-" : "+").two(size / 60).put(colon).two(size % 60);
  }
  std::string_view view() const { return {start_, static_cast<size_t>(at_ - start_)}; }

 private:
  char* start_;
  char* at_;
};

struct DateParts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::optional<int64_t> seconds() const {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || year > 9999 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86400} + hour * 3600 + minute * 60 + second;
  }
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool word() {
    blanks();
    size_t size = 0;
    while (size < text_.size() && is_alpha(text_[size])) ++size;
    text_.remove_prefix(size);
    return size > 0;
  }
  bool number(int& out) {  // at most four digits
    blanks();
    size_t size = 0;
    for (out = 0; size < text_.size() && size < 4 && is_digit(text_[size]); ++size)
      out = out * 10 + (text_[size] - '0');
    text_.remove_prefix(size);
    return size > 0;
  }
  bool month(int& out) {  // 1 to 12
    blanks();
    const std::string_view name = text_.substr(0, 3);
    for (out = 1; out <= 12; ++out)
      if (name == std::string_view(kMonths + (out - 1) * 3, 3)) return text_.remove_prefix(3), true;
    return false;
  }
  bool time(DateParts& to) {
    return number(to.hour) && skip(':') && number(to.minute) && skip(':') && number(to.second);
  }

 private:
  void blanks() {
    while (skip(' ')) {
    }
  }
  std::string_view text_;
};

}  // namespace

std::string_view imf_fixdate(int64_t wall_us, DateText& out) {
  const Civil c = civil(wall_us, 0);
  Text text(out);
  text.name(kDays, c.weekday).put(", ").two(c.day).put(" ").name(kMonths, c.month - 1).put(" ").four(c.year);
  return text.put(" ").two(c.hour).put(":").two(c.minute).put(":").two(c.second).put(" GMT").view();
}

std::optional<int64_t> parse_date(std::string_view text) {
  const size_t comma = text.find(',');
  DateParts parts;
  Scanner scan(comma == std::string_view::npos ? text : text.substr(comma + 1));
  if (comma == std::string_view::npos) {  // asctime's
    if (!scan.word() || !scan.month(parts.month) || !scan.number(parts.day) || !scan.time(parts) ||
        !scan.number(parts.year))
      return std::nullopt;
  } else {
    if (!scan.number(parts.day)) return std::nullopt;
    scan.skip('-');
    if (!scan.month(parts.month)) return std::nullopt;
    const bool is_short = scan.skip('-');
    if (!scan.number(parts.year) || !scan.time(parts)) return std::nullopt;
    if (is_short && parts.year < 100) parts.year += parts.year < 70 ? 2000 : 1900;  // as nginx
  }
  return parts.seconds();
}

std::string_view time_local(int64_t wall_us, int utc_offset_minutes, DateText& out) {
  const Civil c = civil(wall_us, utc_offset_minutes);
  Text text(out);
  text.two(c.day).put("/").name(kMonths, c.month - 1).put("/").four(c.year).put(":").two(c.hour).put(":");
  return text.two(c.minute).put(":").two(c.second).put(" ").offset(utc_offset_minutes, "").view();
}

std::string_view time_iso8601(int64_t wall_us, int utc_offset_minutes, DateText& out) {
  const Civil c = civil(wall_us, utc_offset_minutes);
  Text text(out);
  text.four(c.year).put("-").two(c.month).put("-").two(c.day).put("T").two(c.hour).put(":").two(c.minute);
  return text.put(":").two(c.second).offset(utc_offset_minutes, ":").view();
}

std::string_view time_msec(int64_t wall_us, DateText& out) {
  const int64_t ms = std::max<int64_t>(wall_us / 1000, 0);
  char* at = std::to_chars(out, out + kDateBytes, ms / 1000).ptr;
  *at++ = '.';
  const int rest = static_cast<int>(ms % 1000);
  *at++ = static_cast<char>('0' + rest / 100);
  *at++ = static_cast<char>('0' + rest / 10 % 10);
  *at++ = static_cast<char>('0' + rest % 10);
  return {out, static_cast<size_t>(at - out)};
}

int utc_offset_minutes(int64_t wall_us) {
  const auto seconds = static_cast<time_t>(floor_div(wall_us, 1'000'000));
  tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return 0;
  return static_cast<int>(local.tm_gmtoff / 60);
}

}  // namespace weir::http
