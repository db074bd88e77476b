// Encoders and their pool: what they make can be decoded, at every flush, and their memory is counted and used again.
#include "filter/encoder.h"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "filter/filter.h"

namespace weir::filter {
namespace {

using Flush = Encoder::Flush;

std::string text_of(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) text += "{\"id\":" + std::to_string(i * i) + ",\"name\":\"weir\"},";
  text.resize(size);
  return text;
}

// What can be decoded of a stream that may go on.
std::string inflated(const std::string& coded, bool whole) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(4 << 20, 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
  stream.avail_in = static_cast<uInt>(coded.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_SYNC_FLUSH);
  EXPECT_EQ(result, whole ? Z_STREAM_END : Z_OK);
  EXPECT_EQ(stream.avail_in, 0U);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

std::string unbrotlied(const std::string& coded, bool whole) {
  BrotliDecoderState* state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
  std::string out(4 << 20, 0);
  size_t in_left = coded.size();
  size_t out_left = out.size();
  const auto* in = reinterpret_cast<const uint8_t*>(coded.data());
  auto* to = reinterpret_cast<uint8_t*>(out.data());
  const BrotliDecoderResult result = BrotliDecoderDecompressStream(state, &in_left, &in, &out_left, &to, nullptr);
  EXPECT_EQ(result, whole ? BROTLI_DECODER_RESULT_SUCCESS : BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT);
  EXPECT_EQ(in_left, 0U);
  out.resize(out.size() - out_left);
  BrotliDecoderDestroyInstance(state);
  return out;
}

std::string decoded(Coding coding, const std::string& coded, bool whole) {
  return coding == Coding::kGzip ? inflated(coded, whole) : unbrotlied(coded, whole);
}

class Encoders : public testing::TestWithParam<EncoderOptions> {
 protected:
  std::string encode(Encoder& encoder, std::string_view bytes, Flush flush) {
    Chain chain(chunks_);
    Sink sink(chain);
    const auto written = encoder.encode(bytes, flush, sink);
    EXPECT_TRUE(written);
    EXPECT_EQ(written.value_or(0), chain.size());
    std::string out;
    chain.copy_to(out);
    return out;
  }

  ChunkPool chunks_;
  EncoderPool pool_;
};

TEST_P(Encoders, whole_body_is_decoded) {
  for (const size_t size : {0UL, 1UL, 100UL, 20'000UL, 300'000UL}) {
    const std::string text = text_of(size);
    auto encoder = pool_.take(GetParam());
    const std::string coded = encode(*encoder, text, Flush::kEnd);
    EXPECT_EQ(decoded(GetParam().coding, coded, true), text) << size;
    if (size > 10'000) {
      EXPECT_LT(coded.size(), size / 2);
    }
    pool_.give(std::move(encoder));
  }
}

TEST_P(Encoders, flushed_pieces_can_be_decoded_at_once) {
  auto encoder = pool_.take(GetParam());
  std::string coded;
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    all += event;
    coded += encode(*encoder, event, Flush::kAll);
    EXPECT_EQ(decoded(GetParam().coding, coded, false), all);
  }
  coded += encode(*encoder, {}, Flush::kEnd);
  EXPECT_EQ(decoded(GetParam().coding, coded, true), all);
  pool_.give(std::move(encoder));
}

TEST_P(Encoders, cuts_of_the_body_do_not_matter) {
  const std::string text = text_of(70'000);
  for (const size_t cut : {1UL, 7UL, 1000UL, 16'360UL}) {
    auto encoder = pool_.take(GetParam());
    std::string coded;
    const size_t most = cut == 1 ? 3000 : text.size();
    for (size_t at = 0; at < most; at += cut)
      coded += encode(*encoder, std::string_view(text).substr(at, std::min(cut, most - at)), Flush::kNone);
    coded += encode(*encoder, {}, Flush::kEnd);
    EXPECT_EQ(decoded(GetParam().coding, coded, true), text.substr(0, most));
    pool_.give(std::move(encoder));
  }
}

TEST_P(Encoders, memory_is_counted_while_an_encoder_is_lent) {
  EXPECT_EQ(pool_.lent_bytes(), 0U);
  auto encoder = pool_.take(GetParam());
  encode(*encoder, text_of(1000), Flush::kNone);
  EXPECT_GT(pool_.lent_bytes(), 1000U);
  pool_.give(std::move(encoder));
  EXPECT_EQ(pool_.lent_bytes(), 0U);
}

TEST_P(Encoders, broken_off_stream_leaves_nothing_behind) {
  auto encoder = pool_.take(GetParam());
  encode(*encoder, text_of(50'000), Flush::kNone);
  pool_.give(std::move(encoder));
  auto next = pool_.take(GetParam());
  EXPECT_EQ(decoded(GetParam().coding, encode(*next, "anew", Flush::kEnd), true), "anew");
  pool_.give(std::move(next));
  EXPECT_EQ(pool_.lent_bytes(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Encoder, Encoders,
                         testing::Values(EncoderOptions{}, EncoderOptions{.level = 9},
                                         EncoderOptions{.window_bits = 9, .memory_level = 1},
                                         EncoderOptions{.coding = Coding::kBrotli, .level = 0, .window_bits = 10},
                                         EncoderOptions{.coding = Coding::kBrotli, .level = 6, .window_bits = 19},
                                         EncoderOptions{.coding = Coding::kBrotli, .level = 11, .window_bits = 16}));

TEST(EncoderPool, idle_encoder_is_taken_again) {
  EncoderPool pool;
  auto first = pool.take({});
  const Encoder* const address = first.get();
  pool.give(std::move(first));
  auto other_size = pool.take({.window_bits = 9, .memory_level = 2});
  EXPECT_NE(other_size.get(), address);
  auto other_level = pool.take({.level = 9});
  EXPECT_EQ(other_level.get(), address) << "the level is no matter of memory";
  pool.give(std::move(other_size));
  pool.give(std::move(other_level));
  EXPECT_EQ(pool.idle(), 2U);
}

TEST(EncoderPool, idle_encoders_are_bounded_and_trimmed) {
  EncoderPool pool;
  std::vector<std::unique_ptr<Encoder>> lent;
  for (size_t i = 0; i < EncoderPool::kMostIdle + 8; ++i) lent.push_back(pool.take({}));
  for (auto& each : lent) pool.give(std::move(each));
  EXPECT_EQ(pool.idle(), EncoderPool::kMostIdle);
  EXPECT_EQ(pool.lent_bytes(), 0U);
  while (pool.can_trim()) {
    const size_t before = pool.idle();
    pool.trim();
    pool.trim();
    ASSERT_LT(pool.idle(), before);
  }
  EXPECT_EQ(pool.idle(), EncoderPool::kKept);
}

TEST(EncoderPool, room_ends_where_memory_is_spent) {
  EncoderPool pool;
  std::vector<std::unique_ptr<Encoder>> lent;
  while (pool.has_room()) lent.push_back(pool.take({}));
  EXPECT_GT(lent.size(), 400U);
  EXPECT_LT(lent.size(), 700U);
  pool.give(std::move(lent.back()));
  EXPECT_TRUE(pool.has_room());
  lent.pop_back();
  for (auto& each : lent) pool.give(std::move(each));
}

TEST(Encoder, window_fits_the_body) {
  EXPECT_EQ(fitted({}, -1), EncoderOptions{});
  EXPECT_EQ(fitted({}, 1'000'000), EncoderOptions{});
  EXPECT_EQ(fitted({}, 16'384 - 262), EncoderOptions{});
  EXPECT_EQ(fitted({}, 16'384 - 263), (EncoderOptions{.window_bits = 14, .memory_level = 7}));
  EXPECT_EQ(fitted({}, 0), (EncoderOptions{.window_bits = 9, .memory_level = 2}));
  EXPECT_EQ(fitted({.window_bits = 12, .memory_level = 1}, 0), (EncoderOptions{.window_bits = 9, .memory_level = 1}));
  const EncoderOptions brotli{.coding = Coding::kBrotli, .level = 6, .window_bits = 19, .memory_level = 0};
  EXPECT_EQ(fitted(brotli, 100'000).window_bits, 17);
  EXPECT_EQ(fitted(brotli, 0).window_bits, 10);
}

}  // namespace
}  // namespace weir::filter
