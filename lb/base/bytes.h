// Small questions about bytes that every parser asks. ASCII only, locale never.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char l = to_lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
// RFC 9110 5.6.2 tchar.
constexpr bool is_tchar(char c) {
  if (is_alpha(c) || is_digit(c)) return true;
  switch (c) {
    case '!':
    case '#':
    case '$':
    case '%':
    case '&':
    case '\'':
    case '*':
    case '+':
    case '-':
    case '.':
    case '^':
    case '_':
    case '`':
    case '|':
    case '~': return true;
    default: return false;
  }
}

// The same as a table: for loops over many characters.
inline constexpr auto kTchar = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = is_tchar(static_cast<char>(c));
  return table;
}();

// Eight characters at once: to_lower() of each byte of the word (bytes above 0x7f stay).
constexpr uint64_t to_lower_word(uint64_t word) {
  constexpr uint64_t kEach = 0x0101010101010101;
  const uint64_t low = word & (0x7f * kEach);
  const uint64_t from_a = low + (0x80 - 'A') * kEach;
  const uint64_t behind_z = low + (0x7f - 'Z') * kEach;
  const uint64_t is_upper = ~word & (from_a ^ behind_z) & (0x80 * kEach);
  return word | (is_upper >> 2);
}
inline uint64_t load_word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
// The first and the last four of `size` characters (4 to 8), which may overlap.
inline uint64_t load_ends(const char* at, size_t size) {
  uint32_t first;
  uint32_t last;
  std::memcpy(&first, at, sizeof first);
  std::memcpy(&last, at + size - sizeof last, sizeof last);
  return uint64_t{first} << 32 | last;
}
inline bool iequals(std::string_view a, std::string_view b) {
  const size_t n = a.size();
  if (n != b.size()) return false;
  const char* x = a.data();
  const char* y = b.data();
  if (n < 4) {
    for (size_t i = 0; i < n; ++i)
      if (to_lower(x[i]) != to_lower(y[i])) return false;
    return true;
  }
  if (n < 8) return to_lower_word(load_ends(x, n)) == to_lower_word(load_ends(y, n));
  for (size_t i = 0; i + 8 < n; i += 8)
    if (to_lower_word(load_word(x + i)) != to_lower_word(load_word(y + i))) return false;
  return to_lower_word(load_word(x + n - 8)) == to_lower_word(load_word(y + n - 8));
}
inline std::string lowered(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = to_lower(c);
  return out;
}
// Strips SP and HTAB (RFC 9110 5.6.3 OWS) from both ends.
constexpr std::string_view trim_ows(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}
// 1*DIGIT, at most 2^63-1; anything else (sign, space, empty, overflow) is nullopt.
constexpr std::optional<int64_t> parse_decimal(std::string_view s) {
  if (s.empty()) return std::nullopt;
  uint64_t v = 0;
  for (const char c : s) {
    if (!is_digit(c)) return std::nullopt;
    const auto d = static_cast<uint64_t>(c - '0');
    if (v > (static_cast<uint64_t>(INT64_MAX) - d) / 10) return std::nullopt;
    v = v * 10 + d;
  }
  return static_cast<int64_t>(v);
}
// Calls fn(element) for each comma-separated, OWS-trimmed, non-empty element of a list field (RFC 9110 5.6.1).
// Quoted strings are not understood: for lists of tokens only.
template <class Fn>
void for_each_list_element(std::string_view list, Fn&& fn) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = trim_ows(list.substr(0, comma));
    if (!element.empty()) fn(element);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace weir
