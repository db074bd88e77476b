// Copies of requests.
#include "proxy/mirror.h"

#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

void Mirrors::start(Exchange& parent, const MirrorOptions& options) {
  const Request& request = parent.request();
  const bool has_body = request.head.framing != http::Framing::kNone;
  const bool whole = !has_body || (request.is_whole() && request.held);
  LogLimit& limit = parent.server().log->subrequests;
  if (options.body && !whole) {
    if (limit.pass(parent.core().loop().now()))
      log::warn("request ", parent.uri(), ": not mirrored (body above client_body_buffer_size; connection ",
                parent.downstream().connection().number, ")", limit.dropped());
    return;
  }
  for (const std::string& target : options.targets) {
    if (running_.size() >= kMost) {
      if (limit.pass(parent.core().loop().now()))
        log::warn("request ", parent.uri(), ": not mirrored (", kMost, " copies are under way; connection ",
                  parent.downstream().connection().number, ")", limit.dropped());
      return;
    }
    const http::RequestHead& head = request.head;
    const std::string_view with_query =
        head.has_query ? parent.arena().concat({target, "?", head.query}) : std::string_view(target);
    auto copy = Subrequest::start(parent, *this,
                                  {.method = head.method_text,
                                   .target = with_query,
                                   .body = options.body && has_body ? &request.body : nullptr,
                                   .outlives_parent = true});
    if (copy != nullptr) running_.push_back(std::move(copy));
  }
}

bool Mirrors::update_cache(Exchange& parent, std::string_view target) {
  if (running_.size() >= kMost) return false;
  auto update = Subrequest::start(parent, *this, {.target = target, .outlives_parent = true, .updates_cache = true});
  if (update == nullptr) return false;
  running_.push_back(std::move(update));
  return true;
}

void Mirrors::on_subrequest(Subrequest& subrequest) {
  any_over_ = any_over_ || subrequest.is_over();
}

void Mirrors::sweep() {
  if (std::exchange(any_over_, false)) std::erase_if(running_, [](const auto& each) { return each->is_over(); });
}

}  // namespace weir::proxy
