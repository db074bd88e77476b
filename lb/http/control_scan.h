// Finding control bytes (below 0x20, and DEL) fast: line ends are control bytes, so one pass over a head finds both its
// lines and whatever has no business in it.
#pragma once
#include <cstddef>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::http {

constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The index of the first control byte in text[from, to), or `to`.
inline size_t find_control(std::string_view text, size_t from, size_t to) {
  const char* const p = text.data();
  size_t i = from;
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; i + 16 <= to; i += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    const __m128i printable = _mm_cmpeq_epi8(_mm_max_epu8(v, space), v);
    const int clean = _mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(v, del), printable));
    if (clean != 0xffff) return i + static_cast<size_t>(__builtin_ctz(~static_cast<unsigned>(clean)));
  }
#endif
  for (; i < to; ++i)
    if (is_control(p[i])) return i;
  return to;
}

// Whether a field value may stand on the wire: HTAB is the only control byte in it (RFC 9110 5.5).
inline bool is_clean_value(std::string_view value) {
  for (size_t i = 0; (i = find_control(value, i, value.size())) < value.size(); ++i)
    if (value[i] != '\t') return false;
  return true;
}

}  // namespace weir::http
