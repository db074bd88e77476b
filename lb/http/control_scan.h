// Finding control bytes (below 0x20, and DEL) fast: line ends are control bytes, so one pass over a head finds both its
// lines and whatever has no business in it.
#pragma once
#include <cstddef>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/bytes.h"

namespace weir::http {

constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The index of the first control byte in text[from, to), or `to`.
inline size_t find_control(std::string_view text, size_t from, size_t to) {
  const char* const p = text.data();
  size_t i = from;
#ifdef __SSE2__
  // A bit for each control byte.
  const auto controls = [](__m128i v) {
    const __m128i printable = _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(0x20)), v);
    const __m128i clean = _mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)), printable);
    return ~static_cast<unsigned>(_mm_movemask_epi8(clean)) & 0xffffu;
  };
  const auto first = [&](size_t at) { return controls(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at))); };
  for (; i + 16 <= to; i += 16)
    if (const unsigned found = first(i)) return i + static_cast<size_t>(__builtin_ctz(found));
  if (i < to && to - from >= 16) {  // the rest, with clean bytes before it
    const unsigned found = first(to - 16);
    return found != 0 ? to - 16 + static_cast<size_t>(__builtin_ctz(found)) : to;
  }
  if (i + 8 <= to) {
    const unsigned found = controls(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i))) & 0xffu;
    if (found != 0) return i + static_cast<size_t>(__builtin_ctz(found));
    i += 8;
  }
#endif
  for (; i < to; ++i)
    if (is_control(p[i])) return i;
  return to;
}

// How many tchars (RFC 9110 5.6.2) the line begins with. Names are mostly letters, digits and '-': sixteen at once.
inline size_t name_length(std::string_view line) {
  size_t i = 0;
#ifdef __SSE2__
  const auto within = [](__m128i v, char from, char to) {
    const __m128i not_below = _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(from)), v);
    return _mm_and_si128(not_below, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(to)), v));
  };
  while (i + 16 <= line.size()) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line.data() + i));
    const __m128i letter = within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i good = _mm_or_si128(_mm_or_si128(letter, within(v, '0', '9')), _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));
    const auto others = ~static_cast<unsigned>(_mm_movemask_epi8(good)) & 0xffffu;
    if (others == 0) {
      i += 16;
      continue;
    }
    i += static_cast<size_t>(__builtin_ctz(others));
    if (!kTchar[static_cast<unsigned char>(line[i])]) return i;
    ++i;
  }
#endif
  while (i < line.size() && kTchar[static_cast<unsigned char>(line[i])]) ++i;
  return i;
}

// Whether every byte is visible ASCII: 0x21 to 0x7e.
inline bool is_printable(std::string_view text) {
  const char* p = text.data();
  size_t left = text.size();
#ifdef __SSE2__
  const auto good = [](__m128i v) {  // compared as signed: bytes above 0x7f are below the space
    return _mm_movemask_epi8(
        _mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)), _mm_cmpgt_epi8(v, _mm_set1_epi8(0x20))));
  };
  const auto load = [](const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  for (; left >= 16; p += 16, left -= 16)
    if (good(load(p)) != 0xffff) return false;
  if (text.size() >= 16) return left == 0 || good(load(p + left - 16)) == 0xffff;
  if (left >= 8) {
    if ((good(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))) & 0xff) != 0xff) return false;
    p += 8;
    left -= 8;
  }
#endif
  for (; left > 0; ++p, --left)
    if (static_cast<unsigned char>(*p) <= 0x20 || static_cast<unsigned char>(*p) >= 0x7f) return false;
  return true;
}

// Whether a field value may stand on the wire: HTAB is the only control byte in it (RFC 9110 5.5).
inline bool is_clean_value(std::string_view value) {
  for (size_t i = 0; (i = find_control(value, i, value.size())) < value.size(); ++i)
    if (value[i] != '\t') return false;
  return true;
}

}  // namespace weir::http
