// A gzip stream that is decoded in steps: a few bytes may stand for very many.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include "filter/encoder.h"

namespace weir::filter {

class GzipDecoder {
 public:
  enum class Result : uint8_t {
    kTaken,   // all that was given
    kMore,    // so much came out that the rest waits for the next call: some of what was given is left
    kBroken,  // no gzip stream, or bytes behind it that are none
  };
  // `total` counts its memory.
  static std::unique_ptr<GzipDecoder> make(size_t& total);
  virtual ~GzipDecoder() = default;
  // Takes bytes off the front of `bytes` and writes at most about `most` that come of them. Members in a row are one
  // body (RFC 1952 2.2).
  virtual Result decode(std::string_view& bytes, size_t most, Sink& sink) = 0;
  // A member has ended, and nothing of another has come.
  virtual bool is_whole() const = 0;
};

}  // namespace weir::filter
