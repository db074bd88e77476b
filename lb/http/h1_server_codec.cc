// HTTP/1.1 towards clients: requests in, responses out.
//
//   Head -> Body -> Ended -resume()-> Head      the first two -> Failed, after which all input is swallowed
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
      case State::kBody: taken = feed_body(rest, handler); break;
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
  if (!begun_ && empty_lines_ < kMostEmptyLines) {
    const size_t end = bytes.substr(0, 2) == "\r\n" ? 2 : limits_->bare_lf && bytes.front() == '\n' ? 1 : 0;
    if (end != 0) {
      ++empty_lines_;
      return end;
    }
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
  const std::string_view text = copy_with_crlf(raw, prescan_.bare_lfs(), arena);
  head.head_bytes = raw.size();
  head.request_line = text.substr(0, prescan_.first_line_bytes());
  const auto refuse = [&](Reject refused) {
    refused.request_line = head.request_line;
    reject(handler, refused);
  };

  RequestLine line;
  if (const auto refused = parse_request_line(head.request_line, line)) return refuse(*refused);
  head.method = line.method;
  head.method_text = line.method_text;
  head.version = version_ = line.version;
  if (const auto refused = parse_target(line.target, arena, head)) return refuse(*refused);

  const std::string_view lines = text.substr(prescan_.first_line_bytes() + 2);
  if (const auto refused = tokenize_fields(Prescan::Kind::kRequest, lines, head.fields)) return refuse(*refused);
  if (head.fields.size() != prescan_.fields()) return refuse({400, "header fields are not one a line"});
  if (const auto bad = check_request(head, arena)) return refuse(*bad);

  keep_alive_ = head.keep_alive;
  state_ = State::kBody;
  const bool empty = body_.begin(head.framing, head.content_length);
  handler.on_request(kH1Stream);
  if (empty) end_request(handler);
}

size_t H1ServerCodec::feed_body(std::string_view bytes, Handler& handler) {
  const BodyDecoder::Output got = body_.next(bytes);
  if (!got.data.empty()) handler.on_body(kH1Stream, got.data);
  if (!got.error.empty()) {
    reject(handler, {400, got.error});
  } else if (got.ended) {
    end_request(handler);
  }
  return got.consumed;
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
  resumed_ = state_ == State::kBody;
  if (state_ != State::kEnded) return;
  state_ = State::kHead;
  begun_ = false;
  empty_lines_ = 0;
  version_ = Version::kHttp11;
  keep_alive_ = framed_ = false;
  framing_ = {};
  prescan_.reset();
}

bool H1ServerCodec::inside_request() const {
  return state_ == State::kBody || (state_ == State::kHead && begun_);
}

const SentFraming& H1ServerCodec::frame(int status, const OutBody& body, bool may_stay) {
  if (framed_) return framing_;
  framed_ = true;
  if (status == 101) {
    framing_ = {Framing::kNone, -1, ConnectionOption::kUpgrade};
    return framing_;
  }
  const bool old = version_ == Version::kHttp10;  // it knows no chunks
  framing_.length = body.length;
  framing_.framing = !body.follows      ? Framing::kNone
                     : body.length >= 0 ? Framing::kLength
                     : old              ? Framing::kClose
                                        : Framing::kChunked;
  const bool stays = may_stay && keep_alive_ && state_ == State::kEnded && framing_.framing != Framing::kClose;
  framing_.connection = !stays ? ConnectionOption::kClose
                        : old  ? ConnectionOption::kKeepAlive
                               : ConnectionOption::kNone;
  return framing_;
}

void H1ServerCodec::send_interim(StreamId, const OutResponse& head, Arena& arena, OutBatch& out) {
  // RFC 9110 15.2: no 1xx to a client that is older.
  if (version_ != Version::kHttp10) out.add(write_response_head(head, {}, ConnectionOption::kNone, arena));
}

void H1ServerCodec::send_head(StreamId, const OutResponse& head, Arena& arena, OutBatch& out) {
  frame(head.status, head.body);
  out.add(write_response_head(head, {framing_.framing, framing_.length}, framing_.connection, arena));
}

void H1ServerCodec::send_body(StreamId, const std::string_view* pieces, int count, OutBatch& out) {
  write_body(framing_.framing == Framing::kChunked, pieces, count, out);
}

void H1ServerCodec::send_end(StreamId, const FieldList* trailers, Arena& arena, OutBatch& out) {
  const bool chunked = framing_.framing == Framing::kChunked;
  if (chunked && trailers != nullptr) {
    write_end(*trailers, arena, out);
  } else {
    write_end(chunked, out);
  }
}

}  // namespace weir::http
