#include "http/ranges.h"

#include <algorithm>
#include <optional>

#include "base/arena_text.h"
#include "base/bytes.h"

namespace weir::http {
namespace {

class RangeReader {
 public:
  explicit RangeReader(std::string_view text) : text_(text) {}
  void skip_blanks() {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool at_end_of_range() const { return text_.empty() || text_.front() == ','; }
  // Nullopt: no number, or one that is too large.
  std::optional<int64_t> number() {
    if (text_.empty() || !is_digit(text_.front())) return std::nullopt;
    int64_t value = 0;
    while (!text_.empty() && is_digit(text_.front())) {
      const int digit = text_.front() - '0';
      if (value > (INT64_MAX - digit) / 10) return std::nullopt;
      value = value * 10 + digit;
      text_.remove_prefix(1);
    }
    return value;
  }

 private:
  std::string_view text_;
};

// One of the list; nullopt: it cannot be read.
std::optional<ByteRange> read_range(RangeReader& reader, int64_t size) {
  ByteRange range;
  reader.skip_blanks();
  const bool is_suffix = reader.take('-');
  if (!is_suffix) {
    const auto begin = reader.number();
    if (!begin) return std::nullopt;
    range.begin = *begin;
    reader.skip_blanks();
    if (!reader.take('-')) return std::nullopt;
    reader.skip_blanks();
    if (reader.at_end_of_range()) {
      range.end = size;
      return range;
    }
  }
  const auto last = reader.number();
  if (!last) return std::nullopt;
  reader.skip_blanks();
  if (!reader.at_end_of_range()) return std::nullopt;
  if (is_suffix) return ByteRange{size - std::min(*last, size), size};
  range.end = *last >= size ? size : *last + 1;
  return range;
}

}  // namespace

RangeAnswer parse_ranges(std::string_view field, int64_t size, int64_t most, std::vector<ByteRange>& out) {
  out.clear();
  constexpr std::string_view kUnit = "bytes=";
  if (field.size() <= kUnit.size() || !iequals(field.substr(0, kUnit.size()), kUnit)) return RangeAnswer::kWhole;
  RangeReader reader(field.substr(kUnit.size()));
  uint64_t sum = 0;
  do {
    const auto range = read_range(reader, size);
    if (!range) return RangeAnswer::kUnsatisfiable;
    if (range->begin < range->end) {
      if (static_cast<int64_t>(out.size()) == most) return RangeAnswer::kWhole;
      out.push_back(*range);
      if (sum <= static_cast<uint64_t>(size)) sum += static_cast<uint64_t>(range->size());
    } else if (range->begin == 0) {
      return RangeAnswer::kWhole;
    }
  } while (reader.take(','));
  if (out.empty()) return RangeAnswer::kUnsatisfiable;
  return sum > static_cast<uint64_t>(size) ? RangeAnswer::kWhole : RangeAnswer::kParts;
}

std::string_view content_range(const ByteRange& range, int64_t size, Arena& arena) {
  return arena.concat({"bytes ", number_text(range.begin, arena), "-", number_text(range.end - 1, arena), "/",
                       number_text(size, arena)});
}

std::string_view unsatisfied_range(int64_t size, Arena& arena) {
  return arena.concat({"bytes */", number_text(size, arena)});
}

std::string_view part_head(std::string_view boundary, std::string_view type, const ByteRange& range, int64_t size,
                           Arena& arena) {
  const std::string_view named = type.empty() ? "" : "\r\nContent-Type: ";
  return arena.concat(
      {"\r\n--", boundary, named, type, "\r\nContent-Range: ", content_range(range, size, arena), "\r\n\r\n"});
}

std::string_view parts_end(std::string_view boundary, Arena& arena) {
  return arena.concat({"\r\n--", boundary, "--\r\n"});
}

}  // namespace weir::http
