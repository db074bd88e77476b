// The body of an HTTP/1 message, whichever way its end is found (RFC 9112 6.3): what both codecs have in common.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/chunked.h"
#include "http/head.h"

namespace weir::http {

class BodyDecoder {
 public:
  struct Output {
    std::string_view data;   // body bytes, unframed: a view of the input
    size_t consumed = 0;     // of the input, data included
    bool ended = false;      // behind `data` the body has ended
    std::string_view error;  // not empty: why the framing is refused (a static string); nothing more is decoded
  };

  // `length` is for kLength; `bare_lf`: whether LF alone ends a line of chunked framing. True when there is no body, or
  // none of a byte: then nothing is to be decoded.
  bool begin(Framing framing, int64_t length, bool bare_lf = false);
  // The next bytes of the body, or of its framing. Until everything is consumed, or the end, or an error.
  Output next(std::string_view input);
  // Of chunked framing: the lines of trailers are wanted, as ChunkedDecoder says.
  void stop_at_trailers() { keeps_trailers_ = true, chunked_.stop_at_trailers(); }
  bool in_trailers() const { return keeps_trailers_ && chunked_.in_trailers(); }
  // A body that only the end of the connection ends.
  bool until_close() const { return framing_ == Framing::kClose; }

 private:
  Framing framing_ = Framing::kNone;
  bool keeps_trailers_ = false;
  uint64_t left_ = 0;  // of a kLength body
  ChunkedDecoder chunked_;
};

}  // namespace weir::http
