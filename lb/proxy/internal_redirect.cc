// A request goes on to another path or location inside weir: an error_page, X-Accel-Redirect.
#include "base/bytes.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

// nginx's list, of what a peer says with X-Accel-Redirect.
bool is_kept(const http::Field& field) {
  constexpr http::TokenSet kKept{HeaderToken::kContentType, HeaderToken::kSetCookie, HeaderToken::kCacheControl};
  if (field.token != HeaderToken::kOther) return kKept.has(field.token);
  for (const std::string_view name : {"Content-Disposition", "Expires", "Accept-Ranges"})
    if (iequals(field.name, name)) return true;
  return false;
}

// Whether a part of a path is "..", as it is or escaped.
bool leads_up(std::string_view path) {
  size_t dots = 0;
  bool has_other = false;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%' && i + 2 < path.size() && hex_value(path[i + 1]) >= 0 && hex_value(path[i + 2]) >= 0) {
      c = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
      i += 2;
    }
    if (c == '/') {
      if (dots == 2 && !has_other) return true;
      dots = 0;
      has_other = false;
    } else if (c == '.') {
      ++dots;
    } else {
      has_other = true;
    }
  }
  return dots == 2 && !has_other;
}

}  // namespace

bool Exchange::retarget(std::string_view target) {
  if (target.starts_with('@')) {  // method, URI and body stay
    const int index = server_->table.find_named(target);
    if (index < 0) return false;
    const Location* named = server_->locations[static_cast<size_t>(index)].get();
    if (!request_.held || request_run_.held() > 0) {  // a part of the body is lost: what is left must not go anywhere
      if (named->pass) return false;
      if (request_.state == RequestState::kReceiving) move(RequestState::kDiscarding);
    }
    enter_location(*named);
  } else {  // a GET of the page
    const size_t query = target.find('?');
    if (!take_path(target.substr(0, query))) return false;
    if (request_.head.method != http::Method::kHead) {
      request_.head.method = http::Method::kGet;
      request_.head.method_text = "GET";
    }
    request_.head.framing = http::Framing::kNone;
    request_.head.has_query = query != std::string_view::npos;
    request_.head.query = request_.head.has_query ? target.substr(query + 1) : std::string_view();
    set_target();
    if (request_.state == RequestState::kReceiving) move(RequestState::kDiscarding);
    request_.body.clear();
  }
  return true;
}

void Exchange::follow_peer(std::string_view target, const http::FieldList& fields) {
  keep_fields(fields);
  const bool is_named = target.starts_with('@');
  // As nginx: what an application has put together of a client's words must not lead out of the location that it means.
  const bool is_safe = is_named || !leads_up(target.substr(0, target.find('?')));
  if (!is_safe || !retarget(target)) {
    answer(is_named ? 500 : 404);
    return;
  }
  request_.head.websocket = false;
  redirect_internally(is_named ? Phase::kRewrite : Phase::kServerRewrite);
}

void Exchange::keep_fields(const http::FieldList& fields) {
  const KeptField** end = &kept_fields_;
  *end = nullptr;
  for (const http::Field& field : fields) {
    if (field.dropped || !is_kept(field)) continue;
    auto* const kept = arena_.make<KeptField>(KeptField{field, nullptr});
    *end = kept;
    end = const_cast<const KeptField**>(&kept->next);
  }
}

// The new answer's own fields go before, but for the type of a file and the like: the peer knows better.
void Exchange::add_kept_fields(http::ResponseHead& head) {
  http::FieldList& fields = head.fields;
  const bool is_own_page = &head == &responder_.local && head.status >= 300;
  for (const KeptField* kept = kept_fields_; kept != nullptr; kept = kept->next) {
    const http::Field& field = kept->field;
    if (field.token == HeaderToken::kContentType) {
      if (is_own_page || head.status == 304 || (content_ == &proxy_ && fields.find(field.token) != nullptr)) continue;
      fields.drop(field.token);
    } else if (field.token == HeaderToken::kOther && fields.find(field.name) != nullptr) {
      continue;
    }
    fields.add_clean(field.name, field.value, field.token);
  }
}

}  // namespace weir::proxy
