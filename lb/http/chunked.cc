// The chunked decoder: data in bulk, framing byte by byte.
//
//   Size -> SizeLf -> Data -> DataCr -> DataLf -> Size ...
//    |        ^  \ (size 0)
//    v        |   `-> TrailerStart -> TrailerName -> TrailerValue -> TrailerLf -> TrailerStart ... -> EndLf -> Done
//   extension-'
#include "http/chunked.h"

#include <algorithm>

#include "base/bytes.h"
#include "http/control_scan.h"

namespace weir::http {

ChunkedDecoder::Output ChunkedDecoder::next(std::string_view input) {
  if (state_ == State::kFailed) return {Step::kError, {}, 0, "chunked body was already refused"};
  if (state_ == State::kDone) return {Step::kEnd, {}, 0, {}};
  for (size_t i = 0; i < input.size();) {
    if (state_ == State::kData) {
      const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size() - i));
      left_ -= size;
      body_ += size;
      if (left_ == 0) state_ = State::kDataCr;
      return {Step::kData, input.substr(i, size), i + size, {}};
    }
    const size_t line = take_usual_line(input.substr(i));
    i += line;
    if (line == 0) {
      const std::string_view why = step(input[i++]);
      if (!why.empty() && !(input[i - 1] == '\n' && take_bare_lf())) {
        state_ = State::kFailed;
        return {Step::kError, {}, i, why};
      }
    }
    if (state_ < State::kTrailerStart) continue;
    if (state_ == State::kDone) return {Step::kEnd, {}, i, {}};
    if (state_ == State::kTrailerStart && stops_) {
      stops_ = false;
      return {Step::kNeedMore, {}, i, {}};
    }
  }
  return {Step::kNeedMore, {}, input.size(), {}};
}

size_t ChunkedDecoder::take_usual_line(std::string_view input) {
  constexpr size_t kMostDigits = 8;
  size_t begin = 0;
  if (state_ == State::kDataCr) {
    if (!input.starts_with("\r\n")) return 0;
    state_ = State::kSize;
    begin = 2;
  } else if (state_ != State::kSize || digits_ > 0) {
    return 0;
  }
  uint64_t size = 0;
  size_t end = begin;
  for (; end < input.size() && end - begin < kMostDigits; ++end) {
    const int digit = hex_value(input[end]);
    if (digit < 0) break;
    size = size << 4 | static_cast<uint64_t>(digit);
  }
  const bool has_zeros = end - begin > 1 && input[begin] == '0';
  if (end == begin || has_zeros || !input.substr(end).starts_with("\r\n")) return begin;
  left_ = size;
  end_size_line();
  return end + 2;
}

// After a step that refused LF, and left the state alone: whether it may stand for CRLF here; then the line is ended.
// Outside of step(), so that the bytes of other framing pay nothing for it.
bool ChunkedDecoder::take_bare_lf() {
  if (!bare_lf_) return false;
  switch (state_) {
    case State::kSize:
      if (digits_ == 0) return false;
      [[fallthrough]];
    case State::kName:
    case State::kValue:
    case State::kQuotedEnd: end_size_line(); return true;
    case State::kDataCr: state_ = State::kSize; return true;
    case State::kTrailerValue: state_ = State::kTrailerStart; return true;
    case State::kTrailerStart: state_ = State::kDone; return true;
    default: return false;
  }
}

std::string_view ChunkedDecoder::step(char c) {
  switch (state_) {
    case State::kSize: return on_size(c);
    case State::kNameStart:
    case State::kName:
    case State::kValueStart:
    case State::kValue:
    case State::kQuoted:
    case State::kQuotedPair:
    case State::kQuotedEnd: return on_extension(c);
    case State::kSizeLf: return c == '\n' ? end_size_line() : "CR without LF in a chunk size line";
    case State::kDataCr:
      if (c != '\r') return "chunk data is not followed by CRLF";
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      state_ = State::kSize;
      return c == '\n' ? std::string_view() : "chunk data is not followed by CRLF";
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerLf:
    case State::kEndLf: return on_trailer(c);
    case State::kData:
    case State::kDone:
    case State::kFailed: break;
  }
  return "chunked body was already refused";
}

std::string_view ChunkedDecoder::on_size(char c) {
  if (const int digit = hex_value(c); digit >= 0) {
    if (digits_ == 16) return "chunk size has more than 16 digits";
    if (left_ > static_cast<uint64_t>(INT64_MAX) >> 4) return "chunk size is too large";
    const bool after_zero = digits_ > 0 && left_ == 0;
    ++digits_;
    left_ = left_ << 4 | static_cast<uint64_t>(digit);
    return after_zero ? charge() : std::string_view();
  }
  if (digits_ == 0) return "chunk without a size";
  if (c == ';') {
    state_ = State::kNameStart;
    extension_ = 1;
    return charge();
  }
  if (c != '\r') return "illegal character in a chunk size";
  state_ = State::kSizeLf;
  return {};
}

// chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), without the "bad white space" that RFC 9112 7.1.1 only
// tolerates.
std::string_view ChunkedDecoder::on_extension(char c) {
  const bool may_end = state_ == State::kName || state_ == State::kValue || state_ == State::kQuotedEnd;
  if (state_ == State::kQuoted || state_ == State::kQuotedPair) {
    if (is_control(c) && c != '\t') return "control character in a chunk extension";
    if (state_ == State::kQuotedPair) {
      state_ = State::kQuoted;
    } else if (c == '\\') {
      state_ = State::kQuotedPair;
    } else if (c == '"') {
      state_ = State::kQuotedEnd;
    }
  } else if (state_ == State::kValueStart && c == '"') {
    state_ = State::kQuoted;
  } else if (state_ != State::kQuotedEnd && is_tchar(c)) {
    if (state_ == State::kNameStart) state_ = State::kName;
    if (state_ == State::kValueStart) state_ = State::kValue;
  } else if (c == '\r' && may_end) {
    state_ = State::kSizeLf;
    return {};
  } else if (c == ';' && may_end) {
    state_ = State::kNameStart;
  } else if (c == '=' && state_ == State::kName) {
    state_ = State::kValueStart;
  } else {
    return "malformed chunk extension";
  }
  if (++extension_ > kMostExtension) return "chunk extension is too long";
  return charge();
}

std::string_view ChunkedDecoder::end_size_line() {
  state_ = left_ == 0 ? State::kTrailerStart : State::kData;
  digits_ = 0;
  extension_ = 0;
  return {};
}

std::string_view ChunkedDecoder::charge() {
  return ++overhead_ > kFreeOverhead + body_ / 2 ? "too many chunk extensions or leading zeros" : std::string_view();
}

std::string_view ChunkedDecoder::on_trailer(char c) {
  if (++trailer_ > kMostTrailer + 2) return "trailers are too large";
  switch (state_) {
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kEndLf;
        return {};
      }
      if (!is_tchar(c)) return "malformed trailer";
      state_ = State::kTrailerName;
      return {};
    case State::kTrailerName:
      if (c == ':') state_ = State::kTrailerValue;
      return c == ':' || is_tchar(c) ? std::string_view() : "malformed trailer";
    case State::kTrailerValue:
      if (c == '\r') state_ = State::kTrailerLf;
      return c == '\r' || c == '\t' || !is_control(c) ? std::string_view() : "control character in a trailer";
    case State::kTrailerLf:
      state_ = State::kTrailerStart;
      return c == '\n' ? std::string_view() : "CR without LF in a trailer";
    default:  // kEndLf
      state_ = State::kDone;
      return c == '\n' ? std::string_view() : "CR without LF after the last chunk";
  }
}

}  // namespace weir::http
