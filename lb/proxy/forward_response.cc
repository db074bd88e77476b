// What goes to the client: the peer's head less what is not for the next hop, plus weir's own fields and the
// operator's.
#include <algorithm>

#include "base/bytes.h"
#include "http/forward.h"
#include "http/local_page.h"
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
  return field.name.size() > 7 && iequals(field.name.substr(0, 8), "X-Accel-");
}

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

void Exchange::compose_response_head(http::OutResponse& out) {
  const Location& location = *location_;
  http::FieldList& fields = response_.fields;
  http::drop_hop_by_hop(fields);
  for (http::Field& field : fields) {
    if (field.dropped) continue;
    if (field.token == HeaderToken::kContentType)
      event_stream_ = iequals(field.value.substr(0, 17), "text/event-stream");
    if (hidden_by_default(field) ? !listed(location.pass_headers, field.name)
                                 : listed(location.hide_headers, field.name))
      field.dropped = true;
  }
  out = {};
  out.status = error_status_ != 0 ? error_status_ : response_.status;
  if (out.status == response_.status) out.reason = response_.reason;
  out.client_version = request_.version;
  record_.status = out.status;
  switch (response_.framing) {
    case http::Framing::kNone:
      // HEAD and 304 declare a length without a body; a 200 without one is an empty body.
      out.framing = {http::Framing::kNone, response_.content_length};
      break;
    case http::Framing::kLength: out.framing = {http::Framing::kLength, response_.content_length}; break;
    case http::Framing::kChunked:
    case http::Framing::kClose:
      if (request_.version == http::Version::kHttp10) {
        out.framing = {http::Framing::kClose, -1};
        close_delimited_ = true;
      } else {
        out.framing = {http::Framing::kChunked, -1};
      }
      break;
  }
  if (error_status_ != 0) {  // it decides about the body, not the status of the page
    body_hidden_ = out.status == 204 || out.status == 304;
    if (body_hidden_) {
      out.framing = {http::Framing::kNone, -1};
      close_delimited_ = false;
    } else if (response_.framing == http::Framing::kNone && request_.method != http::Method::kHead) {
      out.framing = {http::Framing::kLength, 0};
    }
  }
  choose_connection(out);
  out.fields = &fields;
  add_own_fields(fields, out.status);
  if (cluster_->site->sticky != nullptr) note_binding(fields);
}

void Exchange::choose_connection(http::OutResponse& out) {
  sent_length_ = out.framing.length;
  sent_chunked_ = out.framing.framing == http::Framing::kChunked;
  const Location& location = *location_;
  keep_alive_ = request_.keep_alive && request_state_ == RequestState::kComplete && !core_.draining() &&
                location.keepalive_timeout.count() > 0 &&
                downstream_->connection_requests() < location.keepalive_requests &&
                out.framing.framing != http::Framing::kClose;
  if (!keep_alive_) {
    out.connection = http::ConnectionOption::kClose;
  } else if (request_.version == http::Version::kHttp10) {
    out.connection = http::ConnectionOption::kKeepAlive;
  } else {
    out.connection = http::ConnectionOption::kNone;
  }
}

void Exchange::add_own_fields(http::FieldList& fields, int status) {
  const Location& location = *location_;
  if (fields.find(HeaderToken::kServer) == nullptr)
    fields.add_clean("Server", http::server_name(location.server_tokens), HeaderToken::kServer);
  if (fields.find(HeaderToken::kDate) == nullptr)
    fields.add_clean("Date", arena_.copy(core_.http_date()), HeaderToken::kDate);
  for (const HeaderSetting& setting : location.add_headers) {
    if (!setting.always && !takes_add_header(status)) continue;
    const std::string_view value = setting.value.render(*this, arena_);
    if (!value.empty()) fields.add(setting.name, value, setting.token);
  }
}

}  // namespace weir::proxy
