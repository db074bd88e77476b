// A stored answer on its way to the client.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/arena_text.h"
#include "base/bytes.h"
#include "http/conditional.h"
#include "http/date.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

using cache::Outcome;

namespace {

using http::HeaderToken;

// What a 304 has not, as it speaks of a body (RFC 9110 15.4.5).
constexpr http::TokenSet kOfBody{HeaderToken::kContentType, HeaderToken::kContentEncoding};

bool is_of_body(const http::Field& field) {
  if (field.token != HeaderToken::kOther) return kOfBody.has(field.token);
  return iequals(field.name, "Content-Language") || iequals(field.name, "Content-Disposition");
}

}  // namespace

std::string_view CacheContent::stored_field(std::string_view name) const {
  for (const auto& [each, value] : stored_.fields)
    if (iequals(each, name)) return value;
  return {};
}

void CacheContent::serve_stale() {
  serve(is_refreshed_ ? Outcome::kRevalidated : Outcome::kStale);
}

void CacheContent::serve(Outcome outcome) {
  outcome_ = outcome;
  step_ = Step::kServing;
  end_update();
  if (x_.request().state == RequestState::kReceiving) x_.move(RequestState::kDiscarding);
  x_.request().body.clear();
  Arena& arena = x_.arena();
  http::ResponseHead& head = answer_.head();
  head.clear();
  head.status = stored_.status;
  head.reason = arena.copy(stored_.reason);
  for (const auto& [name, value] : stored_.fields)
    head.fields.add(arena.copy(name), arena.copy(value), http::header_token(name), false);
  if (!http::parse_date(stored_field("Date"))) {  // RFC 9110 6.6.1
    http::DateText text;
    head.fields.drop(HeaderToken::kDate);
    head.fields.add_clean("Date", arena.copy(http::imf_fixdate(stored_.came_at * 1'000'000, text)), HeaderToken::kDate);
  }
  head.fields.add_clean("Age", number_text(stored_.age_at(wall()), arena), HeaderToken::kOther);  // RFC 9111 5.1

  FileAnswer::Body body{.begin = static_cast<int64_t>(stored_bytes_.size()), .size = stored_.body_bytes};
  body.modified = http::parse_date(stored_field("Last-Modified")).value_or(-1);
  body.etag = arena.copy(stored_field("ETag"));
  body.type = arena.copy(stored_field("Content-Type"));
  body.most_ranges = x_.location().files.max_ranges;
  answer_.take_whole(body);
  bool has_body = stored_.status != 204;
  if (x_.heeds_conditions() && stored_.status == 200) {
    const FileOptions& files = x_.location().files;
    switch (http::check_preconditions(x_.request().head, {body.modified, body.etag}, files.modified_since)) {
      case http::Precondition::kFailed: x_.answer(412); return;
      case http::Precondition::kNotModified:
        has_body = false;
        head.status = 304;
        head.reason = {};
        for (http::Field& field : head.fields) field.dropped = field.dropped || is_of_body(field);
        answer_.take_nothing();
        break;
      case http::Precondition::kHolds:
        if (answer_.take_ranges(body)) break;
        x_.answer_with(416, "Content-Range", http::unsatisfied_range(body.size, arena));
        return;
    }
  }
  answer_.begin(has_body, true);
}

// As nginx, which cuts one range out of an answer that it fetches, and has no 412 for it.
void CacheContent::fit_to_client(http::ResponseHead& response) {
  const http::RequestHead& request = x_.request().head;
  if (!stores_ || response.status != 200 || !x_.heeds_conditions()) return;
  const auto text_of = [&](HeaderToken token) {
    const http::Field* const field = response.fields.find(token);
    return field != nullptr ? field->value : std::string_view();
  };
  const http::Validators validators{http::parse_date(text_of(HeaderToken::kLastModified)).value_or(-1),
                                    text_of(HeaderToken::kEtag)};
  const FileOptions& files = x_.location().files;
  if (http::check_preconditions(request, validators, files.modified_since) == http::Precondition::kNotModified) {
    response.status = 304;
    response.reason = {};
    response.framing = http::Framing::kNone;
    response.content_length = -1;
    for (http::Field& field : response.fields) field.dropped = field.dropped || is_of_body(field);
    cut_.on = true;
    return;
  }
  const http::Field* const range = request.fields.find(HeaderToken::kRange);
  if (range == nullptr || files.max_ranges == 0 || response.framing != http::Framing::kLength) return;
  if (!http::if_range_holds(request, validators)) return;
  if (x_.is_body_changed(response)) return;
  std::vector<http::ByteRange> ranges;
  const int64_t size = response.content_length;
  Arena& arena = x_.arena();
  switch (http::parse_ranges(range->value, size, 1, ranges)) {
    case http::RangeAnswer::kWhole: return;
    case http::RangeAnswer::kUnsatisfiable:
      response.status = 416;
      for (http::Field& field : response.fields) field.dropped = field.dropped || is_of_body(field);
      ranges = {{0, 0}};
      response.fields.add_clean("Content-Range", http::unsatisfied_range(size, arena), HeaderToken::kOther);
      break;
    case http::RangeAnswer::kParts:
      response.status = 206;
      response.fields.add_clean("Content-Range", http::content_range(ranges[0], size, arena), HeaderToken::kOther);
      break;
  }
  response.reason = {};
  response.content_length = ranges[0].size();
  cut_ = {.on = true, .skip = static_cast<uint64_t>(ranges[0].begin), .left = static_cast<uint64_t>(ranges[0].size())};
}

}  // namespace weir::proxy
