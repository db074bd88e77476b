// Persistence of an upstream (sticky.h): which peer a request asks for, and what its client is told about the peer that
// answered.
#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "http/date.h"
#include "proxy/cookie.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"

namespace weir::proxy {
namespace {

// The last date that every browser knows (2038), and ten years: nginx's `max`.
constexpr std::string_view kExpiresMax = "; Expires=Thu, 31 Dec 2037 23:55:55 GMT; Max-Age=315360000";

std::string_view same_site(SameSite value) {
  switch (value) {
    case SameSite::kUnset: break;
    case SameSite::kLax: return "; SameSite=Lax";
    case SameSite::kStrict: return "; SameSite=Strict";
    case SameSite::kNone: return "; SameSite=None";
  }
  return {};
}

std::string_view first_filled(const std::vector<route::Template>& templates, const route::VariableSource& source,
                              Arena& arena) {
  for (const route::Template& each : templates)
    if (const std::string_view text = each.render(source, arena); !text.empty()) return text;
  return {};
}

std::string_view expires_text(int64_t now_us, Millis after, Arena& arena) {
  http::DateText date;
  char seconds[24];
  const auto [end, ec] = std::to_chars(seconds, seconds + sizeof seconds, after.count() / 1000);
  return arena.concat({"; Expires=", http::imf_fixdate(now_us + after.count() * 1000, date),
                       "; Max-Age=", std::string_view(seconds, static_cast<size_t>(end - seconds))});
}

}  // namespace

void ProxyContent::find_bound() {
  const Sticky& sticky = *state_.cluster->site->sticky;
  switch (sticky.options.kind) {
    case StickyOptions::Kind::kNone: return;
    case StickyOptions::Kind::kCookie:
      for (const http::Field& field : request().head.fields) {
        if (field.token != http::HeaderToken::kCookie) continue;
        const auto value = cookie_value(field.value, sticky.options.cookie);
        if (!value) continue;
        state_.bound = sticky.bindings->by_cookie(*value);
        return;
      }
      return;
    case StickyOptions::Kind::kRoute: {
      const std::string_view route = first_filled(sticky.options.routes, x_, arena());
      if (!route.empty()) state_.bound = sticky.bindings->by_route(route);
      return;
    }
    case StickyOptions::Kind::kLearn: {
      const std::string_view session = first_filled(sticky.options.lookup, x_, arena());
      if (session.empty()) return;
      const uint64_t id = sticky.sessions->find(session, core_.loop().now());
      if (id == 0) return;
      state_.bound_session = session;
      state_.bound = sticky.bindings->by_id(id);
      return;
    }
  }
}

bool ProxyContent::is_bound_to(const policy::Peer& peer) const {
  return std::find(state_.bound.begin(), state_.bound.end(), &peer) != state_.bound.end();
}

// The answer of attempt_.peer goes to the client with these fields.
void ProxyContent::note_binding(http::FieldList& fields) {
  const Sticky& sticky = *state_.cluster->site->sticky;
  const bool reached = is_bound_to(*attempt_.peer);
  if (!state_.bound.empty())
    core_.counters().add(reached ? observe::Counter::kStickyBound : observe::Counter::kStickyRebound);
  switch (sticky.options.kind) {
    case StickyOptions::Kind::kNone:
    case StickyOptions::Kind::kRoute: return;
    case StickyOptions::Kind::kCookie:
      if (!reached || sticky.options.expires) add_binding_cookie(fields);
      return;
    case StickyOptions::Kind::kLearn:
      // Its peer could not be had: the session lives on where it was answered.
      if (!state_.bound_session.empty() && !reached)
        sticky.sessions->bind(state_.bound_session, policy::Bindings::id(*attempt_.peer), core_.loop().now());
      if (sticky.options.learn_from_header) learn_binding();
      return;
  }
}

void ProxyContent::add_binding_cookie(http::FieldList& fields) {
  const Sticky& sticky = *state_.cluster->site->sticky;
  const StickyOptions& options = sticky.options;
  std::string_view expires;
  if (options.expires_max) {
    expires = kExpiresMax;
  } else if (options.expires) {
    expires = expires_text(core_.loop().wall_us(), *options.expires, arena());
  }
  const bool secure =
      options.secure == StickyOptions::Secure::kOn || (options.secure == StickyOptions::Secure::kAuto && came_by_tls());
  fields.add("Set-Cookie",
             arena().concat({options.cookie, "=", sticky.bindings->cookie_of(*attempt_.peer), expires,
                             options.domain.empty() ? "" : "; Domain=", options.domain,
                             options.path.empty() ? "" : "; Path=", options.path, options.http_only ? "; HttpOnly" : "",
                             secure ? "; Secure" : "", same_site(options.same_site)}),
             http::HeaderToken::kSetCookie);
}

// What the peer calls the session that it has made; nothing where no session is learned.
void ProxyContent::learn_binding() {
  const Sticky& sticky = *state_.cluster->site->sticky;
  if (sticky.options.kind != StickyOptions::Kind::kLearn) return;
  const std::string_view session = first_filled(sticky.options.create, x_, arena());
  if (!session.empty()) sticky.sessions->bind(session, policy::Bindings::id(*attempt_.peer), core_.loop().now());
}

// To weir, or to the trusted proxy before it.
bool ProxyContent::came_by_tls() {
  if (downstream().connection().tls()) return true;
  const http::Field* proto = request().head.fields.find(http::HeaderToken::kXForwardedProto);
  return proto != nullptr && x_.is_sender_trusted() && iequals(proto->value, "https");
}

}  // namespace weir::proxy
