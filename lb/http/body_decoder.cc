#include "http/body_decoder.h"

#include <algorithm>

namespace weir::http {

bool BodyDecoder::begin(Framing framing, int64_t length, bool bare_lf) {
  framing_ = framing;
  keeps_trailers_ = false;
  switch (framing) {
    case Framing::kNone: return true;
    case Framing::kLength: left_ = static_cast<uint64_t>(length); return left_ == 0;
    case Framing::kChunked: chunked_.reset(bare_lf); return false;
    case Framing::kClose: return false;
  }
  return true;
}

BodyDecoder::Output BodyDecoder::next(std::string_view input) {
  if (framing_ == Framing::kClose) return {input, input.size(), false, {}};
  if (framing_ == Framing::kLength) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
    left_ -= size;
    return {input.substr(0, size), size, left_ == 0, {}};
  }
  const ChunkedDecoder::Output got = chunked_.next(input);
  return {got.data, got.consumed, got.step == ChunkedDecoder::Step::kEnd, got.error};
}

}  // namespace weir::http
