// The escapes of log lines: clean runs are appended whole, a table says where a run ends.
#include "observe/log_escape.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace weir::observe {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

constexpr std::array<bool, 256> kDefaultStops = [] {
  std::array<bool, 256> stops{};
  for (size_t c = 0; c < 256; ++c) stops[c] = c < 0x20 || c == '"' || c == '\\' || c >= 0x7f;
  return stops;
}();

// How many bytes from the start need no escape: eight at a time while that is so.
size_t clean_length(std::string_view s) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  size_t n = 0;
  for (; s.size() - n >= 8; n += 8) {
    uint64_t x = 0;
    std::memcpy(&x, s.data() + n, 8);
    // A high bit appears where a byte is below 0x20, is '"' or '\\', is 0x7f or has one already; borrows and carries
    // spoil only bytes behind such a one.
    const uint64_t quote = (x ^ kOnes * '"') - kOnes;
    const uint64_t backslash = (x ^ kOnes * '\\') - kOnes;
    if (((x - kOnes * 0x20) | quote | backslash | (x + kOnes) | x) & kHighs) break;
  }
  while (n < s.size() && !kDefaultStops[static_cast<unsigned char>(s[n])]) ++n;
  return n;
}

void append_default(std::string& out, std::string_view value) {
  for (;;) {
    const size_t clean = clean_length(value);
    out.append(value.data(), clean);
    if (clean == value.size()) return;
    const auto c = static_cast<unsigned char>(value[clean]);
    const char escaped[] = {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    out.append(escaped, sizeof escaped);
    value.remove_prefix(clean + 1);
  }
}

// The length of the UTF-8 character that starts here (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF); 0
// when there is none.
size_t utf8_length(std::string_view s) {
  const auto at = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  const unsigned lead = at(0);
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) > 0x9f) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0 && at(1) < 0x90) return 0;
    if (lead == 0xf4 && at(1) > 0x8f) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_json_byte(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default: {
      const char escaped[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      out.append(escaped, sizeof escaped);
    }
  }
}

void append_json(std::string& out, std::string_view value) {
  size_t run = 0;
  for (size_t i = 0;;) {
    i += clean_length(value.substr(i));
    if (i == value.size()) break;
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x80) {
      if (const size_t length = utf8_length(value.substr(i)); length > 0) {
        i += length;
        continue;
      }
    }
    out.append(value, run, i - run);
    append_json_byte(out, c);
    run = ++i;
  }
  out.append(value, run, value.size() - run);
}

}  // namespace

void append_escaped(std::string& out, std::string_view value, LogEscape escape) {
  if (value.size() > kLongestLogValue) value = value.substr(0, kLongestLogValue);
  switch (escape) {
    case LogEscape::kDefault: append_default(out, value); return;
    case LogEscape::kJson: append_json(out, value); return;
    case LogEscape::kNone: out.append(value); return;
  }
}

}  // namespace weir::observe
