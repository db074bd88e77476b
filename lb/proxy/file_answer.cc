// A file on its way to the client: conditions and ranges decide what of it, then it is read as fast as it is taken.
#include <cstdio>

#include "base/arena_text.h"
#include "base/log.h"
#include "filter/compress.h"
#include "http/conditional.h"
#include "http/date.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/file_content.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

constexpr size_t kMostRead = 128 * 1024;

// As nginx writes it, so that a fleet of both has one tag for one file.
std::string_view etag_of(const io::FileFacts& facts, Arena& arena) {
  char text[48];
  const int size = std::snprintf(text, sizeof text, "\"%llx-%llx\"", static_cast<unsigned long long>(facts.modified),
                                 static_cast<unsigned long long>(facts.size));
  return arena.copy({text, static_cast<size_t>(size)});
}

}  // namespace

void FileContent::answer_file() {
  const io::FileFacts& facts = reader_.facts();
  const FileOptions& files = x_.location().files;
  Arena& arena = x_.arena();
  size_ = facts.size;
  const auto ahead = static_cast<int64_t>(reader_.bytes().size());
  if (ahead > 0 && ahead < std::min(size_, static_cast<int64_t>(kMostRead))) size_ = ahead;  // it has shrunk meanwhile
  const std::string_view etag = files.etag ? etag_of(facts, arena) : std::string_view();
  const std::string_view type = x_.content_type();
  // The page of another status holds whatever is asked.
  const bool is_own = x_.shown_status() == 0 || x_.shown_status() == 200;
  head_.clear();
  head_.status = 200;
  segments_.assign(1, {{}, 0, size_});
  auto precondition = http::Precondition::kHolds;
  if (is_own) precondition = http::check_preconditions(x_.request().head, {facts.modified, etag}, files.modified_since);
  if (precondition == http::Precondition::kFailed) {
    x_.answer(412);
    return;
  }
  const bool is_modified = precondition == http::Precondition::kHolds;
  if (!is_modified) {
    head_.status = 304;
    segments_.clear();
  } else if (is_own && !choose_parts(etag, type)) {
    x_.answer_with(416, "Content-Range", http::unsatisfied_range(size_, arena));
    return;
  }
  http::FieldList& fields = head_.fields;
  const bool is_multipart = segments_.size() > 1;
  if (is_modified && !is_multipart && !type.empty()) fields.add("Content-Type", type, HeaderToken::kContentType);
  http::DateText text;
  if (is_own)
    fields.add_clean("Last-Modified", arena.copy(http::imf_fixdate(facts.modified * 1'000'000, text)),
                     HeaderToken::kLastModified);
  if (!etag.empty()) fields.add_clean("ETag", etag, HeaderToken::kEtag);
  if (opened_gzip_ && is_modified) fields.add_clean("Content-Encoding", "gzip", HeaderToken::kContentEncoding);
  if (files.gzip == UseGzip::kOn) filter::vary_by_accept_encoding(fields);
  if (is_own && head_.status == 200 && files.max_ranges > 0)
    fields.add_clean("Accept-Ranges", "bytes", HeaderToken::kOther);
  begin_answer(is_modified);
}

// False: none of the ranges asked for is in the file.
bool FileContent::choose_parts(std::string_view etag, std::string_view type) {
  const FileOptions& files = x_.location().files;
  const http::RequestHead& head = x_.request().head;
  const http::Field* const field = head.fields.find(HeaderToken::kRange);
  if (field == nullptr || files.max_ranges == 0) return true;
  if (!http::if_range_holds(head, {reader_.facts().modified, etag})) return true;
  switch (http::parse_ranges(field->value, size_, files.max_ranges, ranges_)) {
    case http::RangeAnswer::kWhole: return true;
    case http::RangeAnswer::kUnsatisfiable: return false;
    case http::RangeAnswer::kParts: break;
  }
  head_.status = 206;
  if (ranges_.size() > 1) {
    add_parts(type);
    return true;
  }
  segments_.assign(1, {{}, ranges_[0].begin, ranges_[0].end});
  head_.fields.add_clean("Content-Range", http::content_range(ranges_[0], size_, x_.arena()), HeaderToken::kOther);
  return true;
}

void FileContent::add_parts(std::string_view type) {
  Arena& arena = x_.arena();
  char boundary[24];
  const int length =
      std::snprintf(boundary, sizeof boundary, "%020llu", static_cast<unsigned long long>(core_.rng().next()));
  const std::string_view name = arena.copy({boundary, static_cast<size_t>(length)});
  segments_.clear();
  const std::string_view shown = x_.with_charset(type);
  for (const http::ByteRange& range : ranges_)
    segments_.push_back({http::part_head(name, shown, range, size_, arena), range.begin, range.end});
  segments_.push_back({http::parts_end(name, arena), 0, 0});
  head_.fields.add_clean("Content-Type", arena.concat({"multipart/byteranges; boundary=", name}),
                         HeaderToken::kContentType);
}

// `has_body`: an answer of that status has one; a HEAD's is declared all the same.
void FileContent::begin_answer(bool has_body) {
  int64_t length = 0;
  for (const Segment& each : segments_) length += static_cast<int64_t>(each.text.size()) + each.end - each.begin;
  const bool follows = has_body && x_.request().head.method != http::Method::kHead;
  head_.framing = follows ? http::Framing::kLength : http::Framing::kNone;
  head_.content_length = has_body ? length : -1;
  if (!follows) segments_.clear();
  step_ = Step::kSending;
  segment_ = 0;
  text_sent_ = false;
  at_ = segments_.empty() ? 0 : segments_[0].begin;
  head_begun_ = true;
  x_.responder().body.reset();
  x_.begin_response(head_);
  if (!x_.is_response_held()) go_on();
}

void FileContent::resume_response(const Chain&) {
  go_on();
}

void FileContent::resume() {
  if (step_ == Step::kSending && head_begun_ && !x_.is_response_held()) go_on();
}

void FileContent::go_on() {
  if (x_.is_replaced()) {
    reader_.close();
    step_ = Step::kIdle;
    x_.take_back_response();
    x_.answer_replaced();
    return;
  }
  Responder& responder = x_.responder();
  while (!reader_.is_busy()) {
    const bool begins = !responder.has_begun();
    if (!begins && !responder.body.update_room(x_.response_room())) return;
    const bool ends = gather();
    if (!ends && responder.body.count() == 0) {
      if (!read_next()) return;
      continue;
    }
    http::OutResponse out;
    if (begins) x_.compose_own_head(head_, out);
    x_.send_response(begins ? &out : nullptr, ends);
    if (responder.client_error != 0) {
      x_.client_gone(ErrorKind::kClientClosed);
    } else if (responder.failed) {
      x_.fail_response();
    } else if (responder.state == ResponseState::kEnded) {
      x_.finish(ErrorKind::kNone);
    } else if (!ends) {
      continue;
    }
    return;
  }
}

bool FileContent::gather() {
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
      at_ += static_cast<int64_t>(piece.size());
    }
    if (at_ < segment.end) return false;
    if (++segment_ == segments_.size()) break;
    text_sent_ = false;
    at_ = segments_[segment_].begin;
  }
  return true;
}

// False: it is waited for, or the answer is over.
bool FileContent::read_next() {
  const int64_t left = segments_[segment_].end - at_;
  return reader_.read(at_, static_cast<size_t>(std::min(left, static_cast<int64_t>(kMostRead)))) && has_read();
}

// Whether there is something to send; else the answer is over.
bool FileContent::has_read() {
  if (reader_.error() == 0 && !reader_.bytes().empty()) return true;
  break_off(reader_.error() != 0 ? "it cannot be read" : "it has become shorter");
  return false;
}

// What was declared cannot be sent. The client must not take for whole what it has.
void FileContent::break_off(std::string_view why) {
  LogLimit& limit = x_.server().log->files;
  if (limit.pass(core_.loop().now()))
    log::error("request ", x_.uri(), ": answer broken off (file \"", reader_.path(), "\": ", why, "; connection ",
               x_.downstream().connection().number, ")", limit.dropped());
  if (x_.responder().has_begun()) {
    x_.finish(ErrorKind::kLocalError);
    return;
  }
  x_.take_back_response();
  x_.answer(500);
}

void FileContent::abort(ErrorKind) {
  reader_.close();
  off_loop_.cancel();
}

void FileContent::end() {
  step_ = Step::kIdle;
  head_begun_ = false;
  paused_ = {};
  reader_.close();
  off_loop_.cancel();
  if (listing_.capacity() > 4096) listing_ = std::string();
  head_.clear();
}

}  // namespace weir::proxy
