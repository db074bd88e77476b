// The gzip decoder against itself: cuts and steps of any size give the same bytes and the same verdict, no step writes
// much more than it may, and what the encoder makes is decoded.
// uses: base http filter
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "filter/encoder.h"
#include "filter/filter.h"
#include "filter/gzip_decoder.h"

namespace {

using weir::filter::Encoder;
using weir::filter::EncoderPool;
using weir::filter::GzipDecoder;

constexpr size_t kMostDecoded = 4 << 20;  // a bomb is not decoded to its end
constexpr size_t kSlack = 16 * 1024;      // of one call of zlib

void must(bool fact) {
  if (!fact) std::abort();
}

struct Decoded {
  std::string text;
  bool broken = false;
  bool whole = false;
  bool too_long = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, size_t cut, size_t most) {
  weir::ChunkPool chunks;
  EncoderPool pool;
  Decoded out;
  const auto decoder = GzipDecoder::make(pool.counted());
  must(decoder != nullptr);
  for (size_t at = 0; at < input.size() && !out.broken && !out.too_long; at += cut) {
    std::string_view piece = input.substr(at, cut);
    GzipDecoder::Result result;
    do {
      weir::Chain chain(chunks);
      weir::filter::Sink sink(chain);
      result = decoder->decode(piece, most, sink);
      must(chain.size() < most + kSlack);
      chain.copy_to(out.text);
      out.too_long = out.text.size() >= kMostDecoded;
    } while (result == GzipDecoder::Result::kMore && !out.too_long);
    out.broken = result == GzipDecoder::Result::kBroken;
    must(out.broken || out.too_long || piece.empty());
  }
  out.whole = decoder->is_whole();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Decoded all = decode(input, input.size(), kMostDecoded);
  if (!all.too_long) {
    Decoded cut = decode(input, 1 + data[0], 1 + 64 * size_t{data[1]});
    // What came before the fault may have gone out already.
    if (all.broken) {
      must(cut.broken && all.text.starts_with(std::string_view(cut.text).substr(0, all.text.size())));
    } else {
      must(cut == all);
    }
  }
  weir::ChunkPool chunks;
  EncoderPool pool;
  auto encoder = pool.take({.level = 1 + data[0] % 9});
  must(encoder != nullptr);
  weir::Chain coded(chunks);
  weir::filter::Sink sink(coded);
  const size_t half = input.size() / 2;
  must(encoder->encode(input.substr(0, half), data[1] % 2 != 0 ? Encoder::Flush::kAll : Encoder::Flush::kNone, sink)
           .has_value());
  must(encoder->encode(input.substr(half), Encoder::Flush::kEnd, sink).has_value());
  std::string text;
  coded.copy_to(text);
  const Decoded again = decode(text, 1 + data[1], 1 + data[0]);
  must(again.whole && !again.broken && (again.too_long || again.text == input));
  return 0;
}
