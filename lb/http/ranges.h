// Ranges of bytes (RFC 9110 14): which parts of a body are asked for, and the form of an answer of several.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/arena.h"

namespace weir::http {

struct ByteRange {
  int64_t begin = 0;
  int64_t end = 0;  // behind its last byte
  int64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

enum class RangeAnswer : uint8_t {
  kWhole,          // the field is to be ignored: 200
  kParts,          // 206
  kUnsatisfiable,  // 416
};

// Of a Range field, for a body of that size; `most`: the ranges that are answered, more are answered as a whole. As
// nginx's ngx_http_range_parse: what cannot be read is unsatisfiable, and ranges that add up to more than the body are
// the whole of it (those that overlap would make a small request a large answer).
RangeAnswer parse_ranges(std::string_view field, int64_t size, int64_t most, std::vector<ByteRange>& out);

// "bytes 0-99/1000", in the arena.
std::string_view content_range(const ByteRange& range, int64_t size, Arena& arena);
// "bytes */1000".
std::string_view unsatisfied_range(int64_t size, Arena& arena);

// The head of one part of multipart/byteranges (RFC 9110 14.6), its line end to the part before it included.
std::string_view part_head(std::string_view boundary, std::string_view type, const ByteRange& range, int64_t size,
                           Arena& arena);
std::string_view parts_end(std::string_view boundary, Arena& arena);

}  // namespace weir::http
