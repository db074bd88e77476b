// What weir says itself: return, error pages, redirects, refusals.
#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "http/local_page.h"
#include "http/status.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "route/location_table.h"

namespace weir::proxy {
namespace {

const ErrorPage* find_error_page(const Location& location, int status) {
  for (const ErrorPage& page : location.error_pages)
    if (std::find(page.statuses.begin(), page.statuses.end(), status) != page.statuses.end()) return &page;
  return nullptr;
}

}  // namespace

void Exchange::answer_return(const ReturnAction& action) {
  // 444 by its meaning; of the others nginx takes the connection for one that has gone.
  if (action.status == 444 || (!action.has_text && (action.status == 499 || action.status == 408))) {
    record_.status = action.status;
    finish(ErrorKind::kNone, location_->reset_timedout);
    return;
  }
  record_.status = error_status_ != 0 ? error_status_ : action.status;  // for $status in the text
  if (action.redirect) {
    send_redirect(action.status, action.text.render(*this, arena_));
    return;
  }
  if (!action.has_text && action.status >= 300) {
    answer(action.status);
    return;
  }
  const int shown = error_status_ != 0 ? error_status_ : action.status;
  record_.status = shown;  // for $status in the text
  send_local(shown, content_type(), action.text.render(*this, arena_));
}

std::string_view Exchange::content_type() const {
  const http::MimeTypes& types = location_->types != nullptr ? *location_->types : http::MimeTypes::defaults();
  const std::string_view type = types.find(uri_);
  return type.empty() ? location_->default_type : type;
}

void Exchange::answer_text(std::string_view type, std::string_view text) {
  send_local(200, type, arena_.copy(text));
}

void Exchange::send_redirect(int status, std::string_view target) {
  // A path becomes absolute, as nginx does.
  std::string_view host = location_->port_in_redirect ? request_.head.host_field : request_.head.host;
  if (location_->server_name_in_redirect && !server_->name.empty())
    host = arena_.concat(
        {server_->name, host.size() > request_.head.host.size() ? host.substr(request_.head.host.size()) : ""});
  if (target.starts_with('/') && !host.empty() && location_->absolute_redirect)
    target = arena_.concat({client_scheme(), "://", host, target});
  send_local(status, http::kLocalPageType, http::local_page(status, location_->server_tokens, arena_), target);
}

void Exchange::answer_with(int status, std::string_view name, std::string_view value) {
  extra_name_ = name;
  extra_value_ = value;
  answer(status);
}

void Exchange::answer(int status, int retry_after) {
  if (alone_) {
    finish(ErrorKind::kClientClosed);
    return;
  }
  if (suspended_ == Suspended::kFiles) stop_files();
  if (retry_after > 0) retry_after_ = retry_after;
  if (try_error_page(status)) return;
  if (status >= 400) error_status_ = 0;  // a page that fails itself must not go out as the page, `=200` least of all
  const int shown = error_status_ != 0 ? error_status_ : status;
  const bool has_page = shown >= 300 || shown == 0;
  send_local(shown, has_page ? http::kLocalPageType : std::string_view(),
             has_page ? http::local_page(shown, location_->server_tokens, arena_) : std::string_view());
}

bool Exchange::intercept(const http::ResponseHead& response) {
  const int status = response.status;
  if (status < 300 || find_error_page(*location_, status) == nullptr) return false;
  move(ResponseState::kHead);
  replaced_ = true;
  replaced_by_ = {.status = status};
  if (status != 401) return true;
  for (int i = response.fields.size(); i-- > 0;) {  // the page of a challenge is a challenge
    const http::Field& field = response.fields.begin()[i];
    if (!field.dropped && iequals(field.name, "WWW-Authenticate"))
      replaced_by_.fields =
          arena_.make<filter::AnswerField>(filter::AnswerField{"WWW-Authenticate", field.value, replaced_by_.fields});
  }
  return true;
}

void Exchange::answer_replaced() {
  replaced_ = false;
  answered_by_filter_ = answered_by_filter_ || replaced_by_.is_filters;
  answer(replaced_by_);
}

void Exchange::answer(const Replacement& replacement) {
  add_answer_fields(replacement.fields);
  if (replacement.body.empty()) {
    answer(replacement.status, replacement.retry_after);
    return;
  }
  retry_after_ = replacement.retry_after;
  send_local(replacement.status, replacement.type, replacement.body);
}

// Whether weir found nobody who took the request: every peer is down, or has all that it may have.
bool Exchange::no_peer_answered() {
  if (record_.attempts.size() == 0) return false;
  switch (record_.attempts.back().error) {
    case ErrorKind::kNoPeer:
    case ErrorKind::kConnectRefused:
    case ErrorKind::kConnectFailed:
    case ErrorKind::kQueueTimeout:
    case ErrorKind::kQueueFull:
    case ErrorKind::kOverloaded: return true;
    default: return false;
  }
}

// True when an error_page has taken over.
bool Exchange::try_error_page(int status) {
  if (error_pages_over_) return false;
  if (request_.state == RequestState::kAborted || request_.head.method_text.empty()) return false;
  const ErrorPage* page = find_error_page(*location_, status);
  // No peer at all is nginx's 502, a full one too: `error_page 502` is meant for that first of all.
  if (page == nullptr && status == 503 && no_peer_answered()) page = find_error_page(*location_, 502);
  if (page == nullptr) return false;
  record_.status = status;  // for $status in the target
  const std::string_view target = page->target.render(*this, arena_);
  error_page_ = true;
  error_pages_over_ = !location_->recursive_error_pages;
  if (!target.starts_with('/') && !target.starts_with('@')) {  // as nginx: whatever it is, the client is sent there
    const int redirect = page->overwrite >= 301 && page->overwrite <= 308 ? page->overwrite : 302;
    send_redirect(redirect, target);
    return true;
  }
  const size_t query = std::min(target.find('?'), target.size());
  // Nothing is decoded in the path, as nginx: a variable in it has been, and a '%' is one.
  const bool is_named = target.starts_with('@');
  const std::string_view escaped =
      is_named ? target : arena_.concat({route::escape_path(target.substr(0, query), arena_), target.substr(query)});
  if (!retarget(escaped)) return false;
  request_.head.websocket = false;
  error_status_ = page->overwrite < 0 ? status : page->overwrite;  // 0: that of the page
  if (page->overwrite > 0) record_.status = page->overwrite;
  redirect_internally(is_named ? Phase::kRewrite : Phase::kServerRewrite);
  return true;
}

// `body` lives as long as the exchange.
void Exchange::send_local(int status, std::string_view type, std::string_view body, std::string_view location) {
  phase_ = Phase::kRunning;  // what the client says while this is on its way is not routed any more
  http::ResponseHead& head = responder_.local;
  http::FieldList& fields = head.fields;
  fields.clear();
  status = http::wire_status(status);
  head.status = status;
  const bool bodiless = status < 200 || status == 204 || status == 304;
  if (bodiless) body = {};
  const bool follows = !bodiless && request_.head.method != http::Method::kHead;
  head.framing = follows ? http::Framing::kLength : http::Framing::kNone;
  head.content_length = bodiless ? -1 : static_cast<int64_t>(body.size());
  if (!type.empty() && !bodiless) fields.add("Content-Type", type, http::HeaderToken::kContentType);
  if (!location.empty()) fields.add("Location", location, http::HeaderToken::kLocation);
  if (const std::string_view name = std::exchange(extra_name_, {}); !name.empty()) {
    fields.add(name, extra_value_, http::HeaderToken::kOther);
  } else if (status == 405) {
    fields.add("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH", http::HeaderToken::kOther);
  }
  if (retry_after_ > 0 && status == 503) {
    char* text = arena_.allocate(12);
    const auto [end, ec] = std::to_chars(text, text + 12, retry_after_);
    fields.add("Retry-After", {text, static_cast<size_t>(end - text)}, http::HeaderToken::kRetryAfter);
  }
  local_body_ = follows ? body : std::string_view();
  if (request_.state == RequestState::kReceiving) move(RequestState::kDiscarding);
  begin_response(head);
  if (!is_response_held()) send_local_response();
}

// The filters have let its head go on, or answer themselves.
void Exchange::send_local_response() {
  if (replaced_) {
    take_back_response();
    answer_replaced();
    return;
  }
  http::ResponseHead& head = responder_.local;
  http::OutResponse out;
  out.status = record_.status = head.status;
  out.body = {head.framing != http::Framing::kNone, head.framing == http::Framing::kChunked ? -1 : head.content_length};
  out.fields = &head.fields;
  responder_.sent = &head.fields;
  responder_.sent_body = out.body;
  add_own_fields(head.fields, head.status);
  if (!location_->add_trailers.empty()) announce_trailers(out);
  if (location_->filters.empty()) {  // one message, and over
    transmit({.head = &out, .pieces = &local_body_, .count = 1, .end = true});
    if (throttle_ != nullptr && responder_.client_error == 0 && responder_.state != ResponseState::kEnded) return;
    finish(responder_.client_error != 0 ? ErrorKind::kClientClosed : ErrorKind::kNone);
    return;
  }
  responder_.body.flushed();  // what a peer said before its answer was dropped
  if (!local_body_.empty()) responder_.body.add(local_body_);
  send_response(&out, true);
  after_send();
}

}  // namespace weir::proxy
