// Strict chunked decoder (RFC 9112 7.1; THREATS rows 11-13). Extensions are limited and thrown away, trailers are
// limited and the caller's, and nothing of the raw framing is ever forwarded: the other side is framed anew.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

class ChunkedDecoder {
 public:
  static constexpr uint32_t kMostExtension = 256;       // bytes a chunk, from the ';' on
  static constexpr uint32_t kMostTrailer = 8 * 1024;    // bytes of all trailer lines
  static constexpr uint64_t kFreeOverhead = 16 * 1024;  // extensions and leading zeros: this much and half of the body

  enum class Step : uint8_t {
    kData,      // `data` holds body bytes; call again
    kNeedMore,  // all input was consumed
    kEnd,       // the last chunk and the trailers were consumed; `consumed` may be less than the input
    kError,     // `error` says why (a static string); nothing more is decoded
  };
  struct Output {
    Step step;
    std::string_view data;
    size_t consumed;  // of the input of this call, data included
    std::string_view error;
  };
  // `bare_lf`: whether LF alone ends a line.
  void reset(bool bare_lf = false) {
    *this = ChunkedDecoder();
    bare_lf_ = bare_lf;
  }
  // From here on next() says kNeedMore in front of the trailers, once, so that their lines can be told from the rest.
  void stop_at_trailers() { stops_ = true; }
  // What comes next is of the trailers' lines, or the empty one behind them.
  bool in_trailers() const { return state_ >= State::kTrailerStart && state_ <= State::kEndLf; }
  Output next(std::string_view input);

 private:
  enum class State : uint8_t {
    kSize,
    kNameStart,
    kName,
    kValueStart,
    kValue,
    kQuoted,
    kQuotedPair,
    kQuotedEnd,
    kSizeLf,  // the size line
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kFailed
  };
  // What nearly every chunk has and is whole in one piece: CRLF behind the data, and a size of digits alone, without
  // leading zeros. Returns how much of `input` that was; 0: step() is to take a byte.
  size_t take_usual_line(std::string_view input);
  // Takes one byte outside of chunk data; returns why it is refused, else an empty text.
  std::string_view step(char c);
  bool take_bare_lf();
  std::string_view on_size(char c);
  std::string_view on_extension(char c);
  std::string_view on_trailer(char c);
  std::string_view end_size_line();
  std::string_view charge();

  State state_ = State::kSize;
  bool bare_lf_ = false;
  bool stops_ = false;
  uint8_t digits_ = 0;
  uint32_t extension_ = 0;  // bytes of this chunk's extension
  uint32_t trailer_ = 0;    // bytes of all trailers
  uint64_t left_ = 0;       // of the chunk's data
  uint64_t overhead_ = 0;   // extensions and leading zeros of all chunks
  uint64_t body_ = 0;       // data bytes of all chunks
};

}  // namespace weir::http
