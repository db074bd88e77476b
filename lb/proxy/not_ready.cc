// proxy_next_upstream_match: an answer is held with the begin of its body until it is clear whether a gateway speaks
// whose application is not there yet (lb/design/0011). If so, the request goes elsewhere; else the answer goes to the
// client as if it had not been looked at.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

constexpr size_t kMostLookedAt = 4096;

bool is_encoded(const http::ResponseHead& response) {
  const http::Field* encoding = response.fields.find(http::HeaderToken::kContentEncoding);
  return encoding != nullptr && !iequals(encoding->value, "identity");
}

}  // namespace

bool Exchange::begin_look() {
  const auto& matches = location_->not_ready;
  const bool listed =
      std::any_of(matches.begin(), matches.end(), [this](const NotReady& m) { return m.status == response_.status; });
  if (!listed || response_.framing == http::Framing::kNone || is_encoded(response_)) return false;
  if (!would_go_elsewhere(ErrorKind::kNotReady)) return false;
  look_ = arena_.allocate(kMostLookedAt);
  look_size_ = 0;
  return true;
}

std::string_view Exchange::look_at(std::string_view bytes) {
  const size_t seen = look_size_;
  const size_t take = std::min(bytes.size(), kMostLookedAt - seen);
  std::memcpy(look_ + seen, bytes.data(), take);
  look_size_ += take;
  const std::string_view text(look_, look_size_);
  for (const NotReady& match : location_->not_ready) {
    const size_t length = match.text.size();
    if (match.status != response_.status || length > text.size()) continue;
    const size_t from = seen >= length ? seen - length + 1 : 0;  // what was seen before holds no whole one
    if (text.find(match.text, from) == std::string_view::npos) continue;
    if (!would_go_elsewhere(ErrorKind::kNotReady)) break;  // time has passed since the head
    not_ready_ = retry_wanted_ = true;                     // the rest is of no interest
    look_ = nullptr;
    return {};
  }
  if (look_size_ < kMostLookedAt) return {};
  end_look();
  return bytes.substr(take);
}

void Exchange::end_look() {
  const std::string_view held(std::exchange(look_, nullptr), look_size_);
  accept_response();
  pass_on(held);
}

}  // namespace weir::proxy
