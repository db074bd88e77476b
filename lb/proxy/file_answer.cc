// A body on its way to the client.
#include "proxy/file_answer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "filter/compress.h"
#include "http/conditional.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

constexpr size_t kMostRead = 128 * 1024;
// Behind a part of a file for which the client's socket had no room: what is queued instead, and tells when there is.
constexpr size_t kLeastRead = 16 * 1024;
// In a row: it is not for a lack of room then (some file systems know no sendfile).
constexpr int kMostRefusals = 3;

}  // namespace

void FileAnswer::take_whole(const Body& body) {
  segments_.assign(1, {{}, body.begin, body.begin + body.size});
}

void FileAnswer::take_text(std::string_view text) {
  segments_.assign(1, {text, 0, 0});
}

bool FileAnswer::take_ranges(const Body& body) {
  const http::RequestHead& head = x_.request().head;
  const http::Field* const field = head.fields.find(HeaderToken::kRange);
  if (field == nullptr || body.most_ranges == 0) return true;
  if (!http::if_range_holds(head, {body.modified, body.etag})) return true;
  if (is_changed_by_filters(body)) return true;
  switch (http::parse_ranges(field->value, body.size, body.most_ranges, ranges_)) {
    case http::RangeAnswer::kWhole: return true;
    case http::RangeAnswer::kUnsatisfiable: return false;
    case http::RangeAnswer::kParts: break;
  }
  head_.status = 206;
  head_.reason = {};
  if (ranges_.size() > 1) {
    add_parts(body);
    return true;
  }
  segments_.assign(1, {{}, body.begin + ranges_[0].begin, body.begin + ranges_[0].end});
  head_.fields.add_clean("Content-Range", http::content_range(ranges_[0], body.size, x_.arena()), HeaderToken::kOther);
  return true;
}

// As it will be compressed, decoded, or have texts put in: what is asked for is a part of something else then. A part
// of what others get compressed says so, as all of it would (RFC 9110 15.3.7).
bool FileAnswer::is_changed_by_filters(const Body& body) {
  if (x_.location().filters.empty()) return false;
  head_.framing = http::Framing::kLength;
  head_.content_length = body.size;
  if (x_.is_body_changed(head_)) return true;
  const filter::CompressOptions& compress = x_.location().compress;
  if (compress.vary && filter::choose_coding(compress, x_.request().head, head_, 200, core_.loop().wall_us()).varies)
    filter::vary_by_accept_encoding(head_.fields);
  return false;
}

void FileAnswer::add_parts(const Body& body) {
  Arena& arena = x_.arena();
  char boundary[24];
  const int length =
      std::snprintf(boundary, sizeof boundary, "%020llu", static_cast<unsigned long long>(core_.rng().next()));
  const std::string_view name = arena.copy({boundary, static_cast<size_t>(length)});
  segments_.clear();
  const std::string_view shown = x_.with_charset(body.type);
  for (const http::ByteRange& range : ranges_)
    segments_.push_back(
        {http::part_head(name, shown, range, body.size, arena), body.begin + range.begin, body.begin + range.end});
  segments_.push_back({http::parts_end(name, arena), 0, 0});
  head_.fields.drop(HeaderToken::kContentType);
  head_.fields.add_clean("Content-Type", arena.concat({"multipart/byteranges; boundary=", name}),
                         HeaderToken::kContentType);
}

void FileAnswer::begin(bool has_body, bool is_peers) {
  int64_t length = 0;
  for (const Segment& each : segments_) length += static_cast<int64_t>(each.text.size()) + each.end - each.begin;
  const bool follows = has_body && x_.request().head.method != http::Method::kHead;
  head_.framing = follows ? http::Framing::kLength : http::Framing::kNone;
  head_.content_length = has_body ? length : -1;
  if (!follows) segments_.clear();
  is_peers_ = is_peers;
  segment_ = 0;
  text_sent_ = false;
  at_ = segments_.empty() ? 0 : segments_[0].begin;
  is_full_ = false;
  refusals_ = 0;
  begun_ = true;
  x_.responder().body.reset();
  x_.begin_response(head_);
  if (!x_.is_response_held()) go_on();
}

void FileAnswer::resume() {
  if (begun_ && !x_.is_response_held()) go_on();
}

void FileAnswer::has_read_on() {
  if (has_read()) go_on();
}

void FileAnswer::go_on() {
  ++steps_;
  if (x_.is_replaced()) {
    reader_.close();
    begun_ = false;
    x_.take_back_response();
    x_.answer_replaced();
    return;
  }
  Responder& responder = x_.responder();
  in_this_turn_ = 0;
  while (!reader_.is_busy()) {
    const bool begins = !responder.has_begun();
    if (!begins && !responder.body.update(x_.response_held())) return;
    const bool ends = gather();
    size_t of_file = 0;
    if (!ends && responder.body.count() == 0) {
      const bool takes_files = refusals_ < kMostRefusals && x_.takes_files();
      const size_t held = x_.response_held();
      if (takes_files && !begins && held > 0) {  // it goes behind that
        is_full_ = false;
        return;
      }
      if (takes_files && held == 0) of_file = sendable();
      if (of_file == 0) {
        if (!read_next()) return;
        continue;
      }
    }
    http::OutResponse out;
    if (begins) is_peers_ ? x_.compose_response_head(head_, out) : x_.compose_own_head(head_, out);
    if (of_file > 0) {
      send_file(begins ? &out : nullptr, of_file);
    } else {
      x_.send_response(begins ? &out : nullptr, ends);
    }
    if (responder.client_error != 0) {
      x_.client_gone(ErrorKind::kClientClosed);
    } else if (responder.failed) {
      x_.fail_response();
    } else if (responder.state == ResponseState::kEnded) {
      x_.finish(ErrorKind::kNone);
    } else if (!ends) {
      const int64_t most = x_.location().files.most_in_a_turn;
      if (most == 0 || in_this_turn_ < most) continue;
      go_on_later();
    }
    return;
  }
}

// The others on this loop have a turn. What goes on or ends before that leaves nothing to do here.
void FileAnswer::go_on_later() {
  if (self_ == nullptr) self_ = std::make_shared<FileAnswer*>(this);
  core_.loop().post([target = std::weak_ptr(self_), steps = steps_] {
    const auto self = target.lock();
    if (self != nullptr && (*self)->steps_ == steps) (*self)->resume();
  });
}

bool FileAnswer::gather() {
  Relay& body = x_.responder().body;
  while (segment_ < segments_.size()) {
    const Segment& segment = segments_[segment_];
    if (!text_sent_ && !segment.text.empty() && !body.add(segment.text)) return false;
    text_sent_ = true;
    const std::string_view bytes = reader_.bytes();
    const int64_t begin = at_ - reader_.bytes_at();
    if (at_ < segment.end) {
      if (begin < 0 || begin >= static_cast<int64_t>(bytes.size())) return false;
      const std::string_view piece = bytes.substr(static_cast<size_t>(begin), static_cast<size_t>(segment.end - at_));
      if (!body.add(piece)) return false;
      advance(piece.size());
    }
    if (at_ < segment.end) return false;
    if (++segment_ == segments_.size()) break;
    text_sent_ = false;
    at_ = segments_[segment_].begin;
  }
  return true;
}

size_t FileAnswer::sendable() {
  const int64_t left = segments_[segment_].end - at_;
  if (is_full_ || left <= kSmall) return 0;
  return reader_.cached(at_, static_cast<size_t>(std::min(left, static_cast<int64_t>(kMostRead))));
}

void FileAnswer::send_file(const http::OutResponse* head, size_t size) {
  const size_t sent = x_.send_file(head, {reader_.fd(), at_, size});
  advance(sent);
  is_full_ = sent < size;
  refusals_ = sent == 0 ? refusals_ + 1 : 0;
}

// False: it is waited for, or the answer is over.
bool FileAnswer::read_next() {
  const int64_t left = segments_[segment_].end - at_;
  const size_t most = std::exchange(is_full_, false) ? kLeastRead : kMostRead;
  return reader_.read(at_, static_cast<size_t>(std::min(left, static_cast<int64_t>(most)))) && has_read();
}

// Whether there is something to send; else the answer is over.
bool FileAnswer::has_read() {
  if (reader_.error() == 0 && !reader_.bytes().empty()) return true;
  break_off(reader_.error() != 0 ? "it cannot be read" : "it has become shorter");
  return false;
}

// What was declared cannot be sent. The client must not take for whole what it has.
void FileAnswer::break_off(std::string_view why) {
  LogLimit& limit = x_.server().log->files;
  if (limit.pass(core_.loop().now()))
    log::error("request ", x_.uri(), ": answer broken off (file \"", reader_.path(), "\": ", why, "; connection ",
               x_.downstream().connection().number, ")", limit.dropped());
  if (x_.responder().has_begun()) {
    x_.finish(ErrorKind::kLocalError);
    return;
  }
  begun_ = false;  // the page is another answer
  x_.take_back_response();
  x_.answer(500);
}

void FileAnswer::end() {
  begun_ = false;
  head_.clear();
}

}  // namespace weir::proxy
