#include "admin/event_list.h"

#include "admin/peers.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

Event::Tone tone_of(PeerCondition condition) {
  switch (condition) {
    case PeerCondition::kUp: return Event::Tone::kGood;
    case PeerCondition::kEjected:
    case PeerCondition::kUnhealthy: return Event::Tone::kBad;
    case PeerCondition::kDown: return Event::Tone::kWarning;
    case PeerCondition::kDraining:
    case PeerCondition::kDrained: return Event::Tone::kNeutral;
  }
  return Event::Tone::kNeutral;
}

std::string with_detail(std::string_view state, const std::string& detail) {
  return std::string(state) + (detail.empty() ? "" : " (" + detail + ")");
}

}  // namespace

std::string_view to_string(Event::Tone tone) {
  switch (tone) {
    case Event::Tone::kGood: return "good";
    case Event::Tone::kNeutral: return "neutral";
    case Event::Tone::kWarning: return "warning";
    case Event::Tone::kBad: return "bad";
  }
  return {};
}

void EventList::add(Event::Tone tone, std::string object, std::string text, int64_t now_us) {
  events_.push_back({++count_, now_us, tone, std::move(object), std::move(text)});
  if (events_.size() > kMost) events_.pop_front();
}

void EventList::look(const runtime::Runtime& runtime, const PeerOverview& overview, int64_t now_us,
                     std::vector<size_t>& peers) {
  look_at_weir(runtime, now_us);
  for (auto& [key, peer] : peers_) peer.seen = false;
  for (size_t i = 0; i < overview.all().size(); ++i) {
    const PeerView& view = overview.all()[i];
    const std::string& upstream = view.cluster->cluster->name();
    const std::string_view state = to_string(view.condition);
    const uint64_t ejections = view.peer->state->stats.ejections.load(std::memory_order_relaxed);
    auto [at, is_new] = peers_.try_emplace({upstream, view.peer->options.name});
    Peer& known = at->second;
    if (known.seen) continue;  // written twice in its upstream
    known.seen = true;
    const std::string object = "peer " + upstream + "/" + view.peer->options.name;
    if (is_new) {
      if (is_begun_) add(Event::Tone::kNeutral, object, "added, " + with_detail(state, view.detail), now_us);
    } else if (known.state != state) {
      add(tone_of(view.condition), object, with_detail(state, view.detail) + ", was " + known.state, now_us);
    } else if (ejections > known.ejections) {  // between two looks it was out and is back, or out once more
      add(Event::Tone::kBad, object, "ejected again", now_us);
    }
    if (!is_new && (known.state != state || known.detail != view.detail)) peers.push_back(i);
    known.state = state;
    known.detail = view.detail;
    known.ejections = ejections;
  }
  for (auto at = peers_.begin(); at != peers_.end();) {
    if (at->second.seen) {
      ++at;
      continue;
    }
    add(Event::Tone::kNeutral, "peer " + at->first.first + "/" + at->first.second, "removed", now_us);
    at = peers_.erase(at);
  }
  is_begun_ = true;
}

void EventList::look_at_weir(const runtime::Runtime& runtime, int64_t now_us) {
  const runtime::ReloadRecord& reloads = runtime.reloads;
  const uint64_t stalls = runtime.watch != nullptr ? runtime.watch->stalls() : 0;
  const size_t maintenance = runtime.overrides.maintenance.size();
  if (is_begun_) {
    if (reloads.failed > failed_reloads_)
      add(Event::Tone::kBad, "configuration",
          reloads.unverified_in_force ? "reload not verified, the new one stays in force"
                                      : "reload refused, the old one stays in force",
          now_us);
    if (reloads.succeeded > reloads_) {
      std::string changes;
      for (size_t i = 0; i < reloads.changes.size() && i < 5; ++i)
        changes += (i == 0 ? ": " : "; ") + reloads.changes[i];
      if (reloads.changes.size() > 5) changes += "; and " + std::to_string(reloads.changes.size() - 5) + " more";
      add(Event::Tone::kGood, "configuration", "reloaded" + changes, now_us);
    }
    if (stalls > stalls_) add(Event::Tone::kBad, "event loop", "did not turn for 5 s, see the error log", now_us);
    if (maintenance != maintenance_) add(Event::Tone::kWarning, "maintenance", "changed by the operator", now_us);
    if (runtime.shutting_down && !shutting_down_)
      add(Event::Tone::kWarning, "weir", "shutting down, connections may finish", now_us);
  }
  reloads_ = reloads.succeeded;
  failed_reloads_ = reloads.failed;
  stalls_ = stalls;
  maintenance_ = maintenance;
  shutting_down_ = runtime.shutting_down;
}

}  // namespace weir::admin
