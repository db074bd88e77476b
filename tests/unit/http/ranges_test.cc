// Ranges of bytes.
#include "http/ranges.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::http {
namespace {

using Ranges = std::vector<ByteRange>;

struct Parsed {
  RangeAnswer answer;
  Ranges ranges;
};

Parsed parse(std::string_view field, int64_t size = 1000, int64_t most = INT64_MAX) {
  Parsed out;
  out.answer = parse_ranges(field, size, most, out.ranges);
  return out;
}

void expect_parts(std::string_view field, const Ranges& ranges) {
  const Parsed parsed = parse(field);
  EXPECT_EQ(parsed.answer, RangeAnswer::kParts) << field;
  EXPECT_EQ(parsed.ranges, ranges) << field;
}

TEST(Ranges, forms_of_one_are_read) {
  expect_parts("bytes=0-0", {{0, 1}});
  expect_parts("bytes=100-199", {{100, 200}});
  expect_parts("Bytes=900-", {{900, 1000}});
  expect_parts("bytes=-1", {{999, 1000}});
  expect_parts("bytes=-5000", {{0, 1000}});
  expect_parts("bytes=990-5000", {{990, 1000}});
  expect_parts("bytes= 1 - 2 ", {{1, 3}});
}

TEST(Ranges, list_leaves_out_the_unsatisfiable) {
  expect_parts("bytes=0-1,5-6", {{0, 2}, {5, 7}});
  expect_parts("bytes=1000-2000,5-6, -2", {{5, 7}, {998, 1000}});
  expect_parts("bytes=9-8,5-6", {{5, 7}});
}

TEST(Ranges, overlapping_parts_beyond_the_body_are_the_whole) {
  EXPECT_EQ(parse("bytes=0-999,0-0").answer, RangeAnswer::kWhole);
  EXPECT_EQ(parse("bytes=0-,0-,0-").answer, RangeAnswer::kWhole);
  EXPECT_EQ(parse("bytes=0-499,500-999").answer, RangeAnswer::kParts);
}

TEST(Ranges, more_than_most_are_the_whole) {
  EXPECT_EQ(parse("bytes=0-0,2-2", 1000, 1).answer, RangeAnswer::kWhole);
  EXPECT_EQ(parse("bytes=0-0", 1000, 1).answer, RangeAnswer::kParts);
}

TEST(Ranges, unknown_units_are_ignored) {
  for (const char* field : {"", "bytes", "bytes=", "lines=0-1", "byte=0-1"})
    EXPECT_EQ(parse(field).answer, RangeAnswer::kWhole) << field;
}

TEST(Ranges, unreadable_and_far_ones_are_unsatisfiable) {
  for (const char* field :
       {"bytes=a-b", "bytes=1", "bytes=1-2x", "bytes=-", "bytes=--1", "bytes=0-1,", "bytes=1000-", "bytes=1000-1001",
        "bytes=9-8", "bytes=99999999999999999999-", "bytes=0-99999999999999999999", "bytes=0-1;2-3", "bytes=,0-1"})
    EXPECT_EQ(parse(field).answer, RangeAnswer::kUnsatisfiable) << field;
}

TEST(Ranges, empty_body_has_none) {
  EXPECT_EQ(parse("bytes=0-", 0).answer, RangeAnswer::kWhole);
  EXPECT_EQ(parse("bytes=-5", 0).answer, RangeAnswer::kWhole);
  EXPECT_EQ(parse("bytes=1-", 0).answer, RangeAnswer::kUnsatisfiable);
}

TEST(Ranges, fields_and_parts_are_written) {
  Arena arena;
  EXPECT_EQ(content_range({0, 100}, 1000, arena), "bytes 0-99/1000");
  EXPECT_EQ(unsatisfied_range(1000, arena), "bytes */1000");
  EXPECT_EQ(part_head("B", "text/plain", {5, 7}, 9, arena),
            "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/9\r\n\r\n");
  EXPECT_EQ(part_head("B", "", {5, 7}, 9, arena), "\r\n--B\r\nContent-Range: bytes 5-6/9\r\n\r\n");
  EXPECT_EQ(parts_end("B", arena), "\r\n--B--\r\n");
}

}  // namespace
}  // namespace weir::http
