// The path that locations are matched on: nginx's ngx_http_parse_complex_uri as a state machine.
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>

#include "base/bytes.h"
#include "route/location_table.h"

namespace weir::route {
namespace {

// kSlash: behind a '/'; kDot: behind "/."; kDotDot: behind "/..".
enum class At : uint8_t { kText, kSlash, kDot, kDotDot };

// Whether the path is what it is normalised to. "/." is left to the machine, though most are hidden files.
bool is_simple(std::string_view path) {
  const auto special = [](char c) { return c == '%' || c == '?' || c == '#'; };
  const char* const p = path.data();
  const size_t n = path.size();
#ifdef __SSE2__
  // Whether any of the bytes is special, or a '/' with a '/' or '.' behind it.
  const auto mask = [](__m128i bytes, __m128i next) {
    const auto is = [](__m128i in, char c) { return _mm_cmpeq_epi8(in, _mm_set1_epi8(c)); };
    const __m128i one = _mm_or_si128(is(bytes, '%'), _mm_or_si128(is(bytes, '?'), is(bytes, '#')));
    const __m128i pair = _mm_and_si128(is(bytes, '/'), _mm_or_si128(is(next, '/'), is(next, '.')));
    return _mm_movemask_epi8(_mm_or_si128(one, pair));
  };
  const auto sixteen = [&](size_t at) {
    const auto load = [](const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
    return mask(load(p + at), load(p + at + 1)) == 0;
  };
  const auto eight = [&](size_t at) {
    const auto load = [](const char* from) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)); };
    return mask(load(p + at), load(p + at + 1)) == 0;
  };
  // Each load looks one byte ahead; the last one overlaps what was looked at, and the last byte has none behind it.
  if (n >= 17) {
    for (size_t i = 0; i + 17 <= n; i += 16)
      if (!sixteen(i)) return false;
    return sixteen(n - 17) && !special(p[n - 1]);
  }
  if (n >= 9) return eight(0) && eight(n - 9) && !special(p[n - 1]);
#endif
  char before = '\0';
  for (size_t i = 0; i < n; ++i) {
    const char c = p[i];
    if (special(c) || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

class Normaliser {
 public:
  explicit Normaliser(char* out) : begin_(out), end_(out) {}
  // False when ".." climbs above the root.
  bool feed(char c) {
    if (c != '/') {
      if (c == '.' && at_ == At::kSlash)
        at_ = At::kDot;
      else if (c == '.' && at_ == At::kDot)
        at_ = At::kDotDot;
      else
        at_ = At::kText;
      *end_++ = c;
      return true;
    }
    if (at_ == At::kSlash) return true;
    if (!finish_segment()) return false;
    if (at_ == At::kText) *end_++ = '/';
    at_ = At::kSlash;
    return true;
  }
  void feed_literal(char c) {
    at_ = At::kText;
    *end_++ = c;
  }
  // Takes back "." or "..": what is left ends with a slash.
  bool finish_segment() {
    if (at_ == At::kDot) {
      --end_;
    } else if (at_ == At::kDotDot) {
      end_ -= 3;  // "/..": now behind the segment that goes
      if (end_ == begin_) return false;
      while (end_ != begin_ && end_[-1] != '/') --end_;
      if (end_ == begin_) return false;  // a path without a leading slash
    }
    return true;
  }
  std::string_view text() const { return {begin_, static_cast<size_t>(end_ - begin_)}; }

 private:
  char* const begin_;
  char* end_;
  At at_ = At::kText;
};

}  // namespace

std::string_view normalise_path(std::string_view raw_path, Arena& arena) {
  if (raw_path.empty()) return "/";
  if (is_simple(raw_path)) return raw_path;
  char* const out = arena.allocate(raw_path.size());
  Normaliser normaliser(out);
  for (size_t i = 0; i < raw_path.size(); ++i) {
    const char c = raw_path[i];
    if (c == '?' || c == '#') break;
    if (c != '%') {
      if (!normaliser.feed(c)) return {};
      continue;
    }
    if (i + 2 >= raw_path.size()) return {};
    const int high = hex_value(raw_path[i + 1]);
    const int low = hex_value(raw_path[i + 2]);
    if (high < 0 || low < 0) return {};
    const char decoded = static_cast<char>(high << 4 | low);
    i += 2;
    if (decoded == '\0') return {};
    if (decoded == '%' || decoded == '#' || decoded == '?') {
      normaliser.feed_literal(decoded);
    } else if (!normaliser.feed(decoded)) {
      return {};
    }
  }
  if (!normaliser.finish_segment()) return {};
  const std::string_view text = normaliser.text();
  arena.shrink_last(out, text.size());
  return text.empty() ? std::string_view("/") : text;
}

// nginx's set for a URI (NGX_ESCAPE_URI).
constexpr auto kEscaped = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = i <= 0x20 || i >= 0x7f;
  for (const char c : std::string_view("\"#%<>?\\^`{|}")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

std::string_view escape_path(std::string_view path, Arena& arena) {
  constexpr char kHex[] = "0123456789ABCDEF";
  char* out = arena.allocate(path.size() * 3 + 1);
  size_t n = 0;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (kEscaped[byte]) {
      out[n++] = '%';
      out[n++] = kHex[byte >> 4];
      out[n++] = kHex[byte & 15];
    } else {
      out[n++] = c;
    }
  }
  return {out, n};
}

}  // namespace weir::route
