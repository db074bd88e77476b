// HTTP/1.1 towards peers: requests out, responses in.
//
//   Idle -open()-> Head (interims stay here) -> Body -> Ended -open()-> Head
//                   \-> Switched (101)           any -cancel()-> Failed
#include <algorithm>

#include "http/framing.h"
#include "http/h1_codec.h"
#include "http/h1_writer.h"
#include "http/start_line.h"
#include "http/tokenizer.h"

namespace weir::http {

StreamId H1ClientCodec::open(Method method, std::string_view upgrade, const HeadLimits& limits) {
  state_ = State::kHead;
  method_ = method;
  upgrade_ = upgrade;
  limits_ = &limits;
  interim_bytes_ = 0;
  prescan_.reset();
  return kH1Stream;
}

size_t H1ClientCodec::feed(std::string_view bytes, Handler& handler) {
  size_t used = 0;
  while (used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    size_t taken = 0;
    switch (state_) {
      case State::kHead: taken = feed_head(rest, handler); break;
      case State::kBody: taken = feed_body(rest, handler); break;
      case State::kIdle:
      case State::kEnded:
      case State::kSwitched: return used;
      case State::kFailed: return bytes.size();
    }
    if (taken == 0 && state_ != State::kFailed) return used;
    used += taken;
  }
  return used;
}

size_t H1ClientCodec::feed_head(std::string_view bytes, Handler& handler) {
  const Prescan::Step step = prescan_.scan(bytes, *limits_);
  if (step == Prescan::Step::kNeedMore) return 0;
  if (step == Prescan::Step::kBad) {
    // A status or version that weir does not take is an answer all the same, another protocol is none.
    fail(handler, prescan_.reject().reason,
         bytes.starts_with("HTTP/") ? ErrorKind::kInvalidResponse : ErrorKind::kNotHttp);
    return 0;
  }
  const size_t size = prescan_.head_bytes();
  accept_head(bytes.substr(0, size), handler);
  return size;
}

void H1ClientCodec::accept_head(std::string_view raw, Handler& handler) {
  Arena& arena = handler.response_arena(kH1Stream);
  ResponseHead& head = handler.response_head(kH1Stream);
  head.clear();
  const std::string_view text = copy_with_crlf(raw, prescan_.bare_lfs(), arena);
  head.head_bytes = raw.size();
  StatusLine line;
  if (const auto refused = parse_status_line(text.substr(0, prescan_.first_line_bytes()), line))
    return fail(handler, refused->reason);
  head.status = line.status;
  head.version = line.version;
  head.reason = line.reason;
  const std::string_view lines = text.substr(prescan_.first_line_bytes() + 2);
  if (const auto refused = tokenize_fields(Prescan::Kind::kResponse, lines, head.fields))
    return fail(handler, refused->reason);
  if (head.fields.size() != prescan_.fields()) return fail(handler, "header fields are not one a line");
  if (const std::string_view why = check_response(head, method_, upgrade_); !why.empty()) return fail(handler, why);

  if (head.status < 200 && head.status != 101) {
    interim_bytes_ += head.head_bytes;
    if (interim_bytes_ > kMostInterimBytes) return fail(handler, "too many bytes of interim responses");
    prescan_.reset();
    handler.on_interim(kH1Stream);
    return;
  }
  if (head.status == 101) {
    state_ = State::kSwitched;
    handler.on_response(kH1Stream);
    return;
  }
  state_ = State::kBody;
  const bool empty = body_.begin(head.framing, head.content_length, limits_->bare_lf);
  if (head.framing == Framing::kChunked && handler.keeps_trailers(kH1Stream)) body_.stop_at_trailers();
  handler.on_response(kH1Stream);
  if (empty && state_ == State::kBody) end_response(handler);
}

size_t H1ClientCodec::feed_body(std::string_view bytes, Handler& handler) {
  const bool trailers = body_.in_trailers();
  const BodyDecoder::Output got = body_.next(bytes);
  if (trailers) handler.on_trailers(kH1Stream, bytes.substr(0, got.consumed));
  if (!got.data.empty()) {
    handler.on_body(kH1Stream, got.data);
    if (state_ != State::kBody) return got.consumed;  // cancelled
  }
  if (!got.error.empty()) {
    fail(handler, got.error);
  } else if (got.ended) {
    end_response(handler);
  }
  return got.consumed;
}

void H1ClientCodec::end_response(Handler& handler) {
  state_ = State::kEnded;
  handler.on_response_end(kH1Stream);
}

void H1ClientCodec::fail(Handler& handler, std::string_view why, ErrorKind kind) {
  state_ = State::kFailed;
  handler.on_error(kH1Stream, kind, why);
}

bool H1ClientCodec::finish(Handler& handler) {
  switch (state_) {
    case State::kIdle:
    case State::kEnded:
    case State::kSwitched: return true;
    case State::kBody:
      if (!body_.until_close()) break;
      end_response(handler);
      return true;
    case State::kHead:
    case State::kFailed: break;
  }
  state_ = State::kFailed;
  return false;
}

void H1ClientCodec::send_head(StreamId, const OutRequest& head, Arena& arena, OutBatch& out) {
  out_chunked_ = head.framing.framing == Framing::kChunked;
  out.add(write_request_head(head, arena));
}

void H1ClientCodec::send_body(StreamId, const std::string_view* pieces, int count, OutBatch& out) {
  write_body(out_chunked_, pieces, count, out);
}

void H1ClientCodec::send_end(StreamId, OutBatch& out) {
  write_end(out_chunked_, out);
  out_chunked_ = false;
}

}  // namespace weir::http
