// What goes to the client: the peer's head less what is not for the next hop, plus weir's own fields and the
// operator's.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/date.h"
#include "http/forward.h"
#include "http/local_page.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

bool listed(const std::vector<std::string>& names, std::string_view name) {
  if (names.empty()) return false;
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return iequals(n, name); });
}

// Hidden unless proxy_pass_header names them (nginx's list).
bool hidden_by_default(const http::Field& field) {
  constexpr http::TokenSet kHidden{HeaderToken::kDate, HeaderToken::kServer, HeaderToken::kXAccelExpires,
                                   HeaderToken::kXAccelRedirect, HeaderToken::kXAccelBuffering};
  if (field.token != HeaderToken::kOther) return kHidden.has(field.token);
  return iequals(field.name.substr(0, 8), "X-Accel-") || iequals(field.name, "X-Pad");
}

constexpr http::TokenSet kRedirecting{HeaderToken::kLocation, HeaderToken::kRefresh};

bool takes_add_header(int status) {
  switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308: return true;
    default: return false;
  }
}

}  // namespace

void Exchange::compose_response_head(http::ResponseHead& response, http::OutResponse& out) {
  const Location& location = *location_;
  http::FieldList& fields = response.fields;
  responder_.sent = &fields;
  // RFC 9110 15.5.22: a 426 says in Upgrade what to switch to.
  const http::Field* offer = response.status == 426 ? fields.find(HeaderToken::kUpgrade) : nullptr;
  const std::string_view offered = offer != nullptr ? offer->value : std::string_view();
  http::drop_hop_by_hop(fields);
  bool redirects = false;
  responder_.buffered = location.buffers.on && nested_ == 0;
  for (http::Field& field : fields) {
    if (field.dropped) continue;
    redirects = redirects || kRedirecting.has(field.token);
    if (field.token == HeaderToken::kContentType)
      responder_.event_stream = iequals(field.value.substr(0, 17), "text/event-stream");
    if (hidden_by_default(field)) {
      const bool is_date = field.token == HeaderToken::kDate;
      if (!is_date) heed(field);
      // The Date of a stored answer belongs to its Age (RFC 9111 4.2.3): today's would have it counted twice.
      const bool is_stored = is_date && cache_ != nullptr && cache_->is_serving();
      field.dropped = !is_stored && !listed(location.pass_headers, field.name);
    } else if (listed(location.hide_headers, field.name)) {
      field.dropped = true;
    }
  }
  if (responder_.event_stream) responder_.buffered = false;
  if (redirects) rewrite_redirects(fields);
  if (!location.cookies.empty()) rewrite_cookies(fields);
  out = {};
  out.status = error_status_ != 0 ? error_status_ : response.status;
  if (out.status == response.status) out.reason = response.reason;
  record_.status = out.status;
  switch (response.framing) {
    case http::Framing::kNone:  // HEAD and 304 declare a length without a body
    case http::Framing::kLength:
      out.body = {response.framing == http::Framing::kLength, response.content_length};
      break;
    case http::Framing::kChunked:
    case http::Framing::kClose: out.body = {true, -1}; break;
  }
  if (error_status_ != 0) {  // it decides about the body, not the status of the page
    responder_.body_hidden = out.status == 204 || out.status == 304;
    if (responder_.body_hidden) {
      out.body = {};
    } else if (response.framing == http::Framing::kNone && request_.head.method != http::Method::kHead) {
      out.body = {true, 0};
    }
  }
  if (location.request_edits.method || proxy_.asks_get_for_head()) fit_body_to_client(response, out);
  responder_.sent_body = out.body;
  if (out.status == 426 &&
      !offered.empty()) {  // as others: the codec writes no other Upgrade or Connection beside them
    fields.add_clean("Upgrade", offered, HeaderToken::kOther);
    fields.add_clean("Connection", "Upgrade", HeaderToken::kOther);
  }
  out.fields = &fields;
  add_own_fields(fields, out.status);
  if (!location.add_trailers.empty() || location.pass_trailers) announce_trailers(out);
}

// What a peer asks of weir beside its answer.
void Exchange::heed(const http::Field& wish) {
  const bool is_buffering = wish.token == HeaderToken::kXAccelBuffering;
  if (!is_buffering && (wish.token != HeaderToken::kOther || !iequals(wish.name, "X-Accel-Limit-Rate"))) return;
  if (listed(location_->ignore_headers, wish.name)) return;
  if (!is_buffering) {
    asked_rate_ = wish.value;
  } else if (iequals(wish.value, "no")) {
    responder_.buffered = false;
  } else if (iequals(wish.value, "yes")) {
    responder_.buffered = nested_ == 0;
  }
}

// Fields behind the body need one in chunks.
void Exchange::announce_trailers(http::OutResponse& out) {
  const auto& settings = location_->add_trailers;
  responder_.has_trailers = out.body.follows && request_.head.version != http::Version::kHttp10 &&
                            std::any_of(settings.begin(), settings.end(), [&](const HeaderSetting& each) {
                              return each.always || takes_add_header(out.status);
                            });
  // A peer's stand behind chunks already.
  if (!responder_.has_trailers)
    responder_.has_trailers = location_->pass_trailers && out.body.follows && out.body.length < 0 &&
                              request_.head.version != http::Version::kHttp10;
  if (!responder_.has_trailers) return;
  out.body.length = -1;
  responder_.sent_body = out.body;
}

bool Exchange::is_hidden(const http::Field& field) const {
  if (hidden_by_default(field)) return !listed(location_->pass_headers, field.name);
  return listed(location_->hide_headers, field.name);
}

void Exchange::add_trailers(http::FieldList& trailers) {
  if (location_->pass_trailers) proxy_.add_trailers(trailers);
  for (const HeaderSetting& setting : location_->add_trailers) {
    if (!setting.always && !takes_add_header(record_.status)) continue;
    const std::string_view value = setting.value.render(*this, arena_);
    if (!value.empty()) trailers.add(setting.name, value, setting.token);
  }
}

void Exchange::compose_own_head(http::ResponseHead& head, http::OutResponse& out) {
  out = {};
  out.status = record_.status = error_status_ != 0 ? error_status_ : head.status;
  out.body = {head.framing != http::Framing::kNone, head.content_length};
  responder_.body_hidden = error_status_ == 204 || error_status_ == 304;
  if (responder_.body_hidden) out.body = {};
  out.fields = &head.fields;
  responder_.sent = &head.fields;
  responder_.sent_body = out.body;
  add_own_fields(head.fields, out.status);
}

// The received field stays as it was for $upstream_http_location.
void Exchange::rewrite_redirects(http::FieldList& fields) {
  for (int i = 0, count = fields.size(); i < count; ++i) {
    const http::Field field = fields.begin()[i];
    if (field.dropped || !kRedirecting.has(field.token)) continue;
    const size_t at = field.token == HeaderToken::kLocation ? 0 : refresh_url(field.value);
    if (at == std::string_view::npos) continue;
    const auto made = rewrite_redirect(location_->redirects, *location_->pass, location_->prefix,
                                       field.value.substr(at), *this, arena_);
    if (!made) continue;
    fields.begin()[i].dropped = true;
    std::string_view text = *made;
    // A path becomes absolute, as in weir's own redirects.
    if (at == 0 && text.starts_with('/') && !text.starts_with("//") && !request_.head.host_field.empty())
      text = arena_.concat({client_scheme(), "://", request_.head.host_field, text});
    fields.add(field.name, at == 0 ? text : arena_.concat({field.value.substr(0, at), text}), field.token);
  }
}

void Exchange::rewrite_cookies(http::FieldList& fields) {
  for (int i = 0, count = fields.size(); i < count; ++i) {
    const http::Field field = fields.begin()[i];
    if (field.dropped || field.token != HeaderToken::kSetCookie) continue;
    const auto made = rewrite_cookie(location_->cookies, field.value, *this, arena_);
    if (!made) continue;
    // The received one stays for $upstream_cookie_*, the order is the peer's.
    if (!fields.add(field.name, *made, field.token)) continue;
    fields.begin()[i].dropped = true;
    std::swap(fields.begin()[i], *(fields.end() - 1));
  }
}

// proxy_method asks a peer for HEAD where the client wants a body, or the other way round.
void Exchange::fit_body_to_client(const http::ResponseHead& response, http::OutResponse& out) {
  const bool bodiless = out.status == 204 || out.status == 304;
  if (request_.head.method == http::Method::kHead && response.framing != http::Framing::kNone) {
    responder_.body_hidden = true;
    out.body = {false, response.framing == http::Framing::kLength ? response.content_length : -1};
  } else if (request_.head.method != http::Method::kHead && response.framing == http::Framing::kNone && !bodiless) {
    out.body = {true, 0};
  }
}

std::string_view Exchange::client_scheme() const {
  const ConnectionInfo& connection = downstream_->connection();
  if (location_->automatic_headers && is_sender_trusted()) {
    if (const http::Field* field = request_.head.fields.find(HeaderToken::kXForwardedProto)) {
      const std::string_view proto = trim_ows(field->value.substr(0, field->value.find(',')));
      for (const std::string_view known : {"https", "http"})
        if (iequals(proto, known)) return known;
    }
  }
  return connection.scheme();
}

void Exchange::add_own_fields(http::FieldList& fields, int status) {
  const Location& location = *location_;
  if (fields.find(HeaderToken::kServer) == nullptr)
    fields.add_clean("Server", http::server_name(location.server_tokens), HeaderToken::kServer);
  if (fields.find(HeaderToken::kDate) == nullptr)
    fields.add_clean("Date", arena_.copy(core_.http_date()), HeaderToken::kDate);
  for (const filter::AnswerField* each = answer_fields_; each != nullptr; each = each->next)
    fields.add(each->name, each->value, HeaderToken::kOther);
  if (location.expires && takes_add_header(status)) add_expires(fields);
  for (const HeaderSetting& setting : location.add_headers) {
    if (!setting.always && !takes_add_header(status)) continue;
    const std::string_view value = setting.value.render(*this, arena_);
    // Upgrade is the operator's here (a 426 needs it), any other hop-by-hop field is the codec's.
    const HeaderToken token = setting.token == HeaderToken::kUpgrade ? HeaderToken::kOther : setting.token;
    // There is one of these: what the content says of itself gives way (nginx's ngx_http_set_response_header).
    if (token == HeaderToken::kLastModified || token == HeaderToken::kEtag) fields.drop(token);
    if (!value.empty()) fields.add(setting.name, value, token);
  }
  // Behind those whose values may look at the type. A redirect has none, as with nginx.
  if (!location.charset.empty() && status != 301 && status != 302) add_charset(fields);
}

std::string_view Exchange::with_charset(std::string_view type) {
  static const filter::ContentTypes usual{.names = {"text/html", "text/xml", "text/plain", "text/vnd.wap.wml",
                                                    "application/javascript", "application/rss+xml"}};
  if (location_->charset.empty() || type.find("charset=") != std::string_view::npos) return type;
  const filter::ContentTypes& types = location_->charset_types != nullptr ? *location_->charset_types : usual;
  const std::string_view name = types.has(type) ? location_->charset.render(*this, arena_) : std::string_view();
  return name.empty() || name == "off" ? type : arena_.concat({type, "; charset=", name});
}

void Exchange::add_charset(http::FieldList& fields) {
  http::Field* const field = fields.find(HeaderToken::kContentType);
  if (field == nullptr) return;
  const std::string_view type = with_charset(field->value);
  if (type.size() == field->value.size()) return;
  const std::string_view name = field->name;
  field->dropped = true;  // $upstream_http_content_type stays as it was
  fields.add(name, type, HeaderToken::kContentType);
}

// In the place of what a peer says of the same (nginx's ngx_http_set_expires).
void Exchange::add_expires(http::FieldList& fields) {
  const Expires& expires = *location_->expires;
  http::ExpiresRule rule = expires.rule;
  if (expires.text) {
    const auto parsed =
        http::parse_expires(expires.text->render(*this, arena_), rule.form == http::ExpiresRule::Form::kModified);
    rule = parsed ? *parsed : http::ExpiresRule{};
  }
  if (rule.form == http::ExpiresRule::Form::kOff) return;
  const http::Field* const modified = fields.find(HeaderToken::kLastModified);
  const int64_t now = core_.loop().wall_us();
  const http::ExpiresFields made = http::expires_fields(
      rule, now / 1'000'000, modified != nullptr ? http::parse_date(modified->value).value_or(-1) : -1,
      core_.utc_offset(now), arena_);
  fields.drop("Expires");
  fields.drop(HeaderToken::kCacheControl);
  fields.add_clean("Expires", made.expires, HeaderToken::kOther);
  fields.add_clean("Cache-Control", made.cache_control, HeaderToken::kCacheControl);
}

}  // namespace weir::proxy
