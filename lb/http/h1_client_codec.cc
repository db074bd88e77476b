// HTTP/1.1 towards peers: requests out, responses in.
//
//   Idle -open()-> Head (interims stay here) -> Body -> Ended -open()-> Head
//                   \-> Switched (101)           any -cancel()-> Failed
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "http/framing.h"
#include "http/h1_codec.h"
#include "http/h1_writer.h"
#include "http/start_line.h"
#include "http/tokenizer.h"

namespace weir::http {
namespace {

// The head with CRLF at the end of every line: what llhttp is given is strict, whatever the peer wrote.
std::string_view with_crlf(std::string_view raw, size_t bare, Arena& arena) {
  char* const to = arena.allocate(raw.size() + bare);
  char* at = to;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r')) *at++ = '\r';
    *at++ = raw[i];
  }
  return {to, static_cast<size_t>(at - to)};
}

struct Lengths {
  std::string_view lines;
  int dropped = 0;
};

// The field lines without the repetitions of Content-Length, if all of them say the same (RFC 9110 8.6 lets a recipient
// take them for one). `lines` are clean.
Lengths with_one_length(std::string_view lines, Arena& arena) {
  std::string_view first;
  Lengths out;
  char* const to = arena.allocate(lines.size());
  size_t size = 0;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    lines.remove_prefix(line.size());
    const size_t colon = std::min(line.find(':'), line.size());
    if (iequals(line.substr(0, colon), "content-length")) {
      const std::string_view value = trim_ows(line.substr(colon + 1, line.size() - colon - 3));
      if (first.data() != nullptr) {
        if (value != first) return {};
        ++out.dropped;
        continue;
      }
      first = value;
    }
    std::memcpy(to + size, line.data(), line.size());
    size += line.size();
  }
  out.lines = {to, size};
  return out;
}

}  // namespace

StreamId H1ClientCodec::open(Method method, bool websocket) {
  state_ = State::kHead;
  method_ = method;
  websocket_ = websocket;
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
  const Prescan::Step step = prescan_.scan(bytes, kLimits);
  if (step == Prescan::Step::kNeedMore) return 0;
  if (step == Prescan::Step::kBad) {
    fail(handler, prescan_.reject().reason,
         prescan_.first_line_ends() ? ErrorKind::kInvalidResponse : ErrorKind::kNotHttp);
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
  head.head_bytes = raw.size();
  std::string_view text =
      prescan_.bare_line_feeds() == 0 ? arena.copy(raw) : with_crlf(raw, prescan_.bare_line_feeds(), arena);
  StatusLine line;
  if (const auto refused = parse_status_line(text.substr(0, prescan_.first_line_bytes()), line))
    return fail(handler, refused->reason);
  head.status = line.status;
  head.version = line.version;
  head.reason = line.reason;
  std::string_view lines = text.substr(prescan_.first_line_bytes() + 2);
  auto refused = tokenize_fields(Prescan::Kind::kResponse, lines, head.fields);
  int fields = prescan_.fields();
  if (refused) {
    const Lengths once = with_one_length(lines, arena);
    if (once.dropped == 0) return fail(handler, refused->reason);
    head.fields.clear();
    fields -= once.dropped;
    refused = tokenize_fields(Prescan::Kind::kResponse, once.lines, head.fields);
    if (refused) return fail(handler, refused->reason);
  }
  if (head.fields.size() != fields) return fail(handler, "header fields are not one a line");
  if (const std::string_view why = check_response(head, method_, websocket_); !why.empty()) return fail(handler, why);

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
  const bool empty = body_.begin(head.framing, head.content_length);
  handler.on_response(kH1Stream);
  if (empty && state_ == State::kBody) end_response(handler);
}

size_t H1ClientCodec::feed_body(std::string_view bytes, Handler& handler) {
  const BodyDecoder::Output got = body_.next(bytes);
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
