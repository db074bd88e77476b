// proxy_next_upstream_match: an answer is held with the begin of its body until it is clear whether a gateway speaks
// whose application is not there yet (lb/design/0011). If so, the request goes elsewhere; else the answer goes to the
// client as if it had not been looked at.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/proxy_content.h"

namespace weir::proxy {
namespace {

constexpr size_t kMostLookedAt = 4096;

bool is_encoded(const http::ResponseHead& response) {
  const http::Field* encoding = response.fields.find(http::HeaderToken::kContentEncoding);
  return encoding != nullptr && !iequals(encoding->value, "identity");
}

}  // namespace

bool ProxyContent::begin_look() {
  const auto& matches = location().not_ready;
  const bool listed = std::any_of(matches.begin(), matches.end(),
                                  [this](const NotReady& m) { return m.status == attempt_.response.status; });
  if (!listed || attempt_.response.framing == http::Framing::kNone || is_encoded(attempt_.response)) return false;
  if (!would_go_elsewhere(ErrorKind::kNotReady)) return false;
  attempt_.look.text = arena().allocate(kMostLookedAt);
  attempt_.look.size = 0;
  return true;
}

std::string_view ProxyContent::look_at(std::string_view bytes) {
  const size_t seen = attempt_.look.size;
  const size_t take = std::min(bytes.size(), kMostLookedAt - seen);
  std::memcpy(attempt_.look.text + seen, bytes.data(), take);
  attempt_.look.size += take;
  const std::string_view text(attempt_.look.text, attempt_.look.size);
  for (const NotReady& match : location().not_ready) {
    const size_t length = match.text.size();
    if (match.status != attempt_.response.status || length > text.size()) continue;
    const size_t from = seen >= length ? seen - length + 1 : 0;  // what was seen before holds no whole one
    if (text.find(match.text, from) == std::string_view::npos) continue;
    if (!would_go_elsewhere(ErrorKind::kNotReady)) break;  // time has passed since the head
    attempt_.not_ready = attempt_.retry_wanted = true;     // the rest is of no interest
    attempt_.look.text = nullptr;
    return {};
  }
  if (attempt_.look.size < kMostLookedAt) return {};
  end_look();
  return bytes.substr(take);
}

void ProxyContent::end_look() {
  const std::string_view held(std::exchange(attempt_.look.text, nullptr), attempt_.look.size);
  accept_response();
  pass_on(held);
}

}  // namespace weir::proxy
