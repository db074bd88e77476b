// HTTP/1.1 towards clients: requests in, responses out.
//
//   Head -> (Length | Chunked)? -> Ended -resume()-> Head      any of the first three -> Failed, after which all input
//   is swallowed
#include <algorithm>

#include "http/framing.h"
#include "http/h1_codec.h"
#include "http/h1_writer.h"
#include "http/start_line.h"
#include "http/target.h"
#include "http/tokenizer.h"

namespace weir::http {

void H1ServerCodec::reset(const HeadLimits& limits) {
  *this = H1ServerCodec(limits);
}

size_t H1ServerCodec::feed(std::string_view bytes, Handler& handler) {
  size_t used = 0;
  while (used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    size_t taken = 0;
    switch (state_) {
      case State::kHead: taken = feed_head(rest, handler); break;
      case State::kLength: taken = feed_length(rest, handler); break;
      case State::kChunked: taken = feed_chunked(rest, handler); break;
      case State::kEnded: return used;
      case State::kFailed: return bytes.size();
    }
    if (taken == 0 && state_ != State::kFailed) return used;
    used += taken;
  }
  return used;
}

size_t H1ServerCodec::feed_head(std::string_view bytes, Handler& handler) {
  constexpr int kMostEmptyLines = 2;  // RFC 9112 2.2: sloppy clients send one after a body
  if (!begun_ && empty_lines_ < kMostEmptyLines && bytes.substr(0, 2) == "\r\n") {
    ++empty_lines_;
    return 2;
  }
  begun_ = bytes.front() != '\r';
  const Prescan::Step step = prescan_.scan(bytes, *limits_);
  if (step == Prescan::Step::kNeedMore) return 0;
  if (step == Prescan::Step::kBad) {
    Reject refused = prescan_.reject();
    refused.request_line = bytes.substr(0, prescan_.first_line_bytes());
    reject(handler, refused);
    return 0;
  }
  const size_t size = prescan_.head_bytes();
  accept_head(bytes.substr(0, size), handler);
  return size;
}

// The order of the checks is the defence: clean bytes, a clean first line, one more opinion from llhttp, then what it
// all means.
void H1ServerCodec::accept_head(std::string_view raw, Handler& handler) {
  const HeadStorage storage = handler.begin_request(kH1Stream);
  Arena& arena = *storage.arena;
  RequestHead& head = *storage.request;
  head.clear();
  const std::string_view text = arena.copy(raw);
  head.head_bytes = text.size();
  head.request_line = text.substr(0, prescan_.first_line_bytes());
  const auto refuse = [&](Reject refused) {
    refused.request_line = head.request_line;
    reject(handler, refused);
  };

  RequestLine line;
  if (const auto refused = parse_request_line(head.request_line, line)) return refuse(*refused);
  head.method = line.method;
  head.method_text = line.method_text;
  head.version = line.version;
  if (const auto refused = parse_target(line.target, arena, head)) return refuse(*refused);

  const std::string_view lines = text.substr(prescan_.first_line_bytes() + 2);
  if (const auto refused = tokenize_fields(Prescan::Kind::kRequest, lines, head.fields)) return refuse(*refused);
  if (head.fields.size() != prescan_.fields()) return refuse({400, "header fields are not one a line"});
  if (const auto bad = check_request(head, arena)) return refuse(*bad);

  switch (head.framing) {
    case Framing::kChunked:
      state_ = State::kChunked;
      chunked_.reset();
      break;
    case Framing::kLength:
      state_ = State::kLength;
      left_ = head.content_length;
      break;
    default:
      state_ = State::kLength;
      left_ = 0;
      break;
  }
  handler.on_request(kH1Stream);
  if (state_ == State::kLength && left_ == 0) end_request(handler);
}

size_t H1ServerCodec::feed_length(std::string_view bytes, Handler& handler) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(left_), bytes.size()));
  left_ -= static_cast<int64_t>(size);
  handler.on_body(kH1Stream, bytes.substr(0, size));
  if (left_ == 0) end_request(handler);
  return size;
}

size_t H1ServerCodec::feed_chunked(std::string_view bytes, Handler& handler) {
  size_t used = 0;
  while (used < bytes.size()) {
    const ChunkedDecoder::Output got = chunked_.next(bytes.substr(used));
    used += got.consumed;
    switch (got.step) {
      case ChunkedDecoder::Step::kData: handler.on_body(kH1Stream, got.data); break;
      case ChunkedDecoder::Step::kNeedMore: break;
      case ChunkedDecoder::Step::kEnd: end_request(handler); return used;
      case ChunkedDecoder::Step::kError: reject(handler, {400, got.error}); return used;
    }
  }
  return used;
}

void H1ServerCodec::end_request(Handler& handler) {
  state_ = State::kEnded;
  handler.on_request_end(kH1Stream);
  if (resumed_) resume();
}

void H1ServerCodec::reject(Handler& handler, const Reject& reject) {
  state_ = State::kFailed;
  begun_ = false;
  handler.on_reject(kH1Stream, reject);
}

void H1ServerCodec::resume() {
  resumed_ = state_ == State::kLength || state_ == State::kChunked;
  if (state_ != State::kEnded) return;
  state_ = State::kHead;
  begun_ = false;
  empty_lines_ = 0;
  out_chunked_ = false;
  prescan_.reset();
}

bool H1ServerCodec::inside_request() const {
  return state_ == State::kLength || state_ == State::kChunked || (state_ == State::kHead && begun_);
}

void H1ServerCodec::send_interim(StreamId, const OutResponse& head, Arena& arena, OutBatch& out) {
  // RFC 9110 15.2: no 1xx to a client that is older.
  if (head.client_version != Version::kHttp10) out.add(write_response_head(head, arena).text);
}

void H1ServerCodec::send_head(StreamId, const OutResponse& head, Arena& arena, OutBatch& out) {
  const WrittenHead written = write_response_head(head, arena);
  out_chunked_ = written.chunked;
  out.add(written.text);
}

void H1ServerCodec::send_body(StreamId, const std::string_view* pieces, int count, OutBatch& out) {
  write_body(out_chunked_, pieces, count, out);
}

void H1ServerCodec::send_end(StreamId, OutBatch& out) {
  write_end(out_chunked_, out);
  out_chunked_ = false;
}

}  // namespace weir::http
