// The chunk decoder's vectors and limits.
#include "http/chunked.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

struct Decoded {
  std::string body;
  std::string error;
  bool ended = false;
  size_t consumed = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, size_t piece) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < input.size() && !out.ended && out.error.empty()) {
    const auto got = decoder.next(input.substr(out.consumed, piece));
    out.consumed += got.consumed;
    out.body += got.data;
    out.error = got.error;
    out.ended = got.step == ChunkedDecoder::Step::kEnd;
  }
  return out;
}

Decoded decode(std::string_view input) {
  const Decoded whole = decode(input, input.size());
  for (const size_t piece : {1u, 2u, 3u, 7u, 64u}) EXPECT_EQ(decode(input, piece), whole) << piece;
  return whole;
}

std::string repeat(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Chunked, decodes_and_stops_at_the_end) {
  const Decoded d = decode("4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\nGET / HTTP/1.1");
  EXPECT_EQ(d.body, "Wikipedia in \r\n\r\nchunks.");
  EXPECT_TRUE(d.ended);
  EXPECT_EQ(d.consumed, 44u);
}

TEST(Chunked, accepts_the_whole_grammar) {
  EXPECT_TRUE(decode("0\r\n\r\n").ended);
  EXPECT_EQ(decode("a\r\n0123456789\r\n0\r\n\r\n").body, "0123456789");
  EXPECT_EQ(decode("A\r\n0123456789\r\n0\r\n\r\n").body, "0123456789");
  EXPECT_EQ(decode("0000000000000001\r\nx\r\n0000\r\n\r\n").body, "x");
  EXPECT_EQ(decode("1;a\r\nx\r\n0;b=c;d=\"e;\\\"\t f\"\r\n\r\n").body, "x");
  EXPECT_TRUE(decode("0\r\nA:\r\nB: c\td\xff\r\n\r\n").ended);
}

TEST(Chunked, takes_the_largest_size) {
  ChunkedDecoder decoder;
  const auto got = decoder.next("7fffffffffffffff\r\nabc");
  EXPECT_EQ(got.step, ChunkedDecoder::Step::kData);
  EXPECT_EQ(got.data, "abc");
}

TEST(Chunked, allows_an_extension_of_256_bytes) {
  EXPECT_TRUE(decode("1;" + std::string(255, 'a') + "\r\nx\r\n0\r\n\r\n").ended);
  EXPECT_EQ(decode("1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n").error, "chunk extension is too long");
}

TEST(Chunked, overhead_may_grow_with_the_body) {
  const std::string extension = ";" + std::string(199, 'a');
  EXPECT_TRUE(decode(repeat("1" + extension + "\r\nx\r\n", 80) + "0\r\n\r\n").ended);
  EXPECT_NE(decode(repeat("1" + extension + "\r\nx\r\n", 90) + "0\r\n\r\n").error, "");
  EXPECT_TRUE(decode(repeat("190" + extension + "\r\n" + std::string(400, 'x') + "\r\n", 500) + "0\r\n\r\n").ended);
}

TEST(Chunked, never_charges_the_framing_of_small_chunks) {
  EXPECT_EQ(decode(repeat("1\r\nx\r\n", 30000) + "0\r\n\r\n").body.size(), 30000u);
  EXPECT_EQ(decode(repeat("10\r\n0123456789abcdef\r\n", 20000) + "0\r\n\r\n").body.size(), 320000u);
}

TEST(Chunked, limits_trailers) {
  EXPECT_TRUE(decode("0\r\nA: " + std::string(8000, 'b') + "\r\n\r\n").ended);
  EXPECT_EQ(decode("0\r\nA: " + std::string(8200, 'b') + "\r\n\r\n").error, "trailers are too large");
}

TEST(Chunked, stays_failed_and_stays_done) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.next("x").step, ChunkedDecoder::Step::kError);
  EXPECT_EQ(decoder.next("0\r\n\r\n").step, ChunkedDecoder::Step::kError);
  decoder.reset();
  EXPECT_EQ(decoder.next("0\r\n\r\nmore").consumed, 5u);
  const auto got = decoder.next("more");
  EXPECT_EQ(got.step, ChunkedDecoder::Step::kEnd);
  EXPECT_EQ(got.consumed, 0u);
}

}  // namespace
}  // namespace weir::http
