// sticky: which server a client stays with.
#include "base/bytes.h"
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

using proxy::SameSite;
using proxy::StickyOptions;
using Kind = StickyOptions::Kind;
using Secure = StickyOptions::Secure;

constexpr size_t kLeastZone = 32 * 1024;
constexpr size_t kShortestSecret = 16;

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
}

// weir's column is in the struct but for the path, which nginx does not send; nginx's sends nothing but the value.
StickyOptions cookie_defaults(bool nginx) {
  StickyOptions out;
  out.kind = Kind::kCookie;
  if (!nginx) {
    out.path = "/";
    return out;
  }
  out.http_only = false;
  out.same_site = SameSite::kUnset;
  out.secure = Secure::kOff;
  return out;
}

struct SameSiteWord {
  std::string_view text;
  SameSite value;
};
constexpr SameSiteWord kSameSite[] = {
    {"strict", SameSite::kStrict}, {"lax", SameSite::kLax}, {"none", SameSite::kNone}, {"off", SameSite::kUnset}};

void apply_same_site(const Parameters& parameters, StickyOptions& sticky) {
  if (parameters.value().starts_with('$'))
    return parameters.error("variables in \"samesite\" are known to nginx, but not supported by weir yet");
  for (const SameSiteWord& each : kSameSite) {
    if (each.text != parameters.value()) continue;
    sticky.same_site = each.value;
    return;
  }
  parameters.invalid("strict, lax, none or off");
}

void apply_secure(const Parameters& parameters, StickyOptions& sticky) {
  if (parameters.value() == "auto") {
    sticky.secure = Secure::kAuto;
  } else if (const auto on = parameters.flag()) {
    sticky.secure = *on ? Secure::kOn : Secure::kOff;
  }
}

void apply_expires(const Parameters& parameters, StickyOptions& sticky) {
  if (parameters.value() == "max") {
    sticky.expires_max = true;
  } else if (const auto time = parameters.time(1000)) {
    sticky.expires = *time;
  }
}

void apply_text_attribute(const Parameters& parameters, std::string& into) {
  if (parameters.value().find('$') != std::string_view::npos)
    return parameters.error("variables in \"" + std::string(parameters.name()) +
                            "\" are known to nginx, but not supported by weir yet");
  if (!is_visible_text(parameters.value(), ";,\"\\")) return parameters.invalid("text that may stand in a cookie");
  into = parameters.value();
}

void apply_cookie(Call& call, StickyOptions& sticky) {
  static constexpr std::string_view kStickyCookieParameters[] = {"expires=",  "domain=",   "path=",  "httponly[=]",
                                                                 "samesite=", "secure[=]", "secret="};
  sticky = cookie_defaults(call.scope.main->nginx_defaults);
  if (call.count() < 2) return call.error("\"sticky cookie\" needs the name of a cookie");
  sticky.cookie = call.arg(1);
  if (!is_token(sticky.cookie)) call.invalid(1, "the name of a cookie");
  Parameters parameters(call, 2, kStickyCookieParameters);
  while (parameters.next()) {
    if (parameters.name() == "expires") {
      apply_expires(parameters, sticky);
    } else if (parameters.name() == "domain") {
      apply_text_attribute(parameters, sticky.domain);
    } else if (parameters.name() == "path") {
      apply_text_attribute(parameters, sticky.path);
    } else if (parameters.name() == "httponly") {
      if (const auto on = parameters.flag()) sticky.http_only = *on;
    } else if (parameters.name() == "samesite") {
      apply_same_site(parameters, sticky);
    } else if (parameters.name() == "secure") {
      apply_secure(parameters, sticky);
    } else {
      if (parameters.value().empty()) {
        parameters.invalid("some text");
      } else if (parameters.value().size() < kShortestSecret) {
        call.warning("the secret of \"sticky cookie\" is shorter than 16 bytes, it may be guessed");
      }
      sticky.secret = parameters.value();
    }
  }
  if (sticky.same_site == SameSite::kNone && sticky.secure == Secure::kOff)
    call.warning("browsers refuse a cookie that has \"samesite=none\" and is not \"secure\"");
}

bool has_variable(const route::Template& text) {
  return !text.is_literal();
}

void apply_route(Call& call, StickyOptions& sticky) {
  sticky.kind = Kind::kRoute;
  if (call.count() < 2) return call.error("\"sticky route\" needs variables that hold the route");
  for (size_t i = 1; i < call.count(); ++i) {
    auto compiled = call.compile(i);
    if (!compiled) continue;
    if (!has_variable(*compiled)) call.invalid(i, "text with a variable");
    sticky.routes.push_back(std::move(*compiled));
  }
}

void apply_zone_of_learn(Call& call, const Parameters& parameters, StickyOptions& sticky) {
  const std::string_view value = parameters.value();
  const size_t colon = value.find(':');
  const auto size = colon == std::string_view::npos ? std::nullopt : parse_size(value.substr(colon + 1));
  if (!size || colon == 0 || *size > INT32_MAX) return parameters.invalid("zone=NAME:SIZE like zone=clients:1m");
  sticky.zone = value.substr(0, colon);
  sticky.zone_bytes = static_cast<size_t>(*size);
  if (sticky.zone_bytes < kLeastZone)
    return parameters.error("zone \"" + sticky.zone + "\" is too small, the least is " + format_size(kLeastZone));
  if (!call.builder.take_zone(sticky.zone))
    parameters.error("duplicate zone \"" + sticky.zone + "\" of \"sticky learn\"");
}

void apply_learn(Call& call, StickyOptions& sticky) {
  static constexpr std::string_view kStickyLearnParameters[] = {
      "create=", "lookup=", "zone=", "timeout=", "header", "sync"};
  sticky.kind = Kind::kLearn;
  Parameters parameters(call, 1, kStickyLearnParameters, {"create", "lookup"});
  while (parameters.next()) {
    if (parameters.name() == "create" || parameters.name() == "lookup") {
      auto compiled = parameters.compile();
      if (!compiled) continue;
      if (!has_variable(*compiled)) parameters.invalid("text with a variable");
      (parameters.name() == "create" ? sticky.create : sticky.lookup).push_back(std::move(*compiled));
    } else if (parameters.name() == "zone") {
      apply_zone_of_learn(call, parameters, sticky);
    } else if (parameters.name() == "timeout") {
      if (const auto time = parameters.time(1)) sticky.timeout = *time;
    } else if (parameters.name() == "header") {
      sticky.learn_from_header = true;
    } else {
      parameters.error("\"sync\" is known to nginx, but not supported by weir yet");
    }
  }
  for (const std::string_view each : {"create", "lookup", "zone"})
    if (!parameters.seen(each)) call.error("\"sticky learn\" needs \"" + std::string(each) + "=\"");
}

void apply_sticky(Call& call) {
  static constexpr std::string_view kKinds[] = {"cookie", "route", "learn"};
  StickyOptions sticky;
  if (call.arg(0) == "cookie") {
    apply_cookie(call, sticky);
  } else if (call.arg(0) == "route") {
    apply_route(call, sticky);
  } else if (call.arg(0) == "learn") {
    apply_learn(call, sticky);
  } else {
    return call.error_at(0, "invalid value \"" + call.arg(0) +
                                "\" in \"sticky\" directive, it must be cookie, route or learn" +
                                did_you_mean(call.arg(0), kKinds));
  }
  call.scope.upstream->sticky = std::move(sticky);
}

std::string show_cookie(const StickyOptions& sticky) {
  std::string out = "cookie " + quote_word(sticky.cookie);
  if (sticky.expires_max) out += " expires=max";
  if (sticky.expires) out += " expires=" + format_time(*sticky.expires);
  if (!sticky.domain.empty()) out += " " + quote_word("domain=" + sticky.domain);
  out += " " + quote_word("path=" + sticky.path);
  out += sticky.http_only ? " httponly" : " httponly=off";
  for (const SameSiteWord& each : kSameSite)
    if (each.value == sticky.same_site) out += " samesite=" + std::string(each.text);
  out += sticky.secure == Secure::kAuto ? " secure=auto" : sticky.secure == Secure::kOn ? " secure" : " secure=off";
  if (!sticky.secret.empty()) out += " " + quote_word("secret=" + sticky.secret);
  return out;
}

std::vector<std::string> show_sticky(const Scope& scope) {
  const StickyOptions& sticky = scope.upstream->sticky;
  std::string out;
  switch (sticky.kind) {
    case Kind::kNone: return {};
    case Kind::kCookie: return {show_cookie(sticky)};
    case Kind::kRoute:
      out = "route";
      for (const route::Template& each : sticky.routes) out += " " + quote_word(each.text());
      return {out};
    case Kind::kLearn: break;
  }
  out = "learn";
  for (const route::Template& each : sticky.create) out += " " + quote_word("create=" + each.text());
  for (const route::Template& each : sticky.lookup) out += " " + quote_word("lookup=" + each.text());
  out += " " + quote_word("zone=" + sticky.zone + ":" + format_size(static_cast<int64_t>(sticky.zone_bytes)));
  out += " timeout=" + format_time(sticky.timeout) + (sticky.learn_from_header ? " header" : "");
  return {out};
}

const Row kRows[] = {
    {
        .name = "sticky",
        .contexts = kUpstream,
        .kind = {.form =
                     "cookie NAME [expires=TIME|max] [domain=] [path=] [httponly[=off]] [samesite=strict|lax|none|off] "
                     "[secure[=on|off|auto]] [secret=] | route $VARIABLE ... | learn create=$VARIABLE lookup=$VARIABLE "
                     "zone=NAME:SIZE "
                     "[timeout=TIME] [header]",
                 .most_args = -1,
                 .apply = apply_sticky,
                 .show = show_sticky},
        .help = "Keeps a client with its server: by a cookie of weir's own, by the route= that a variable holds, or by "
                "sessions that the servers create. Of several servers with one route the first that can be had is "
                "taken. One "
                "cookie value stands for a server in all upstreams; the client of a backup goes back to the primaries "
                "when there are any (not by route or session: the application chose that server). Unless written a "
                "cookie is path=/ httponly samesite=lax and secure "
                "behind TLS (nginx: none of these).",
    },
};

}  // namespace

std::span<const Row> sticky_rows() {
  return kRows;
}

}  // namespace weir::config
