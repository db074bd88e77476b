// Trailers of a peer on their way to the client (proxy_pass_trailers).
#include "base/bytes.h"
#include "http/forward.h"
#include "http/tokenizer.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

// What may not stand behind a body, as it says how that is read or who may read it (RFC 9110 6.5.1).
bool is_forbidden(const http::Field& field) {
  constexpr http::TokenSet kForbidden{
      HeaderToken::kContentLength, HeaderToken::kContentEncoding, HeaderToken::kContentType, HeaderToken::kHost,
      HeaderToken::kSetCookie,     HeaderToken::kCacheControl,    HeaderToken::kLocation};
  return http::is_hop_by_hop(field.token) || kForbidden.has(field.token);
}

}  // namespace

bool ProxyContent::keeps_trailers(http::StreamId) const {
  return location().pass_trailers;
}

// Lines may end with LF alone there.
void ProxyContent::on_trailers(http::StreamId, std::string_view lines) {
  if (state_.trailers == nullptr) state_.trailers = std::make_unique<Trailers>();
  std::string& text = state_.trailers->lines;
  for (const char c : lines) {
    if (c == '\n' && !text.ends_with('\r')) text += '\r';
    text += c;
  }
}

// The decoder has looked at them; what is no field all the same is nobody's.
void ProxyContent::read_trailers() {
  http::FieldList& fields = state_.trailers->fields;
  if (http::tokenize_fields(http::Prescan::Kind::kResponse, state_.trailers->lines, fields)) fields.clear();
}

void ProxyContent::add_trailers(http::FieldList& to) const {
  if (state_.trailers == nullptr) return;
  for (const http::Field& field : state_.trailers->fields)
    if (!is_forbidden(field) && !x_.is_hidden(field)) to.add(field.name, field.value, field.token, false);
}

const http::FieldList& ProxyContent::trailers() const {
  static const http::FieldList kNone;
  return state_.trailers != nullptr ? state_.trailers->fields : kNone;
}

// A peer that is not told may send none (RFC 9110 6.5.1).
void ProxyContent::ask_for_trailers() {
  out_fields_.add_clean("TE", "trailers", HeaderToken::kOther);
  out_fields_.add_clean("Connection", "TE", HeaderToken::kOther);
}

}  // namespace weir::proxy
