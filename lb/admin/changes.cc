// Each change: the override edited, saved, and built anew; the build moves the peer's switches at once.
#include "admin/changes.h"

#include <utility>

#include "base/log.h"
#include "runtime/reload.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

using Mode = runtime::PeerOverride::Mode;

runtime::Overrides::PeerKey key_of(const PeerPlace& place) {
  return {place.cluster->cluster->name(), place.peer->options.name};
}

std::string text_of(const runtime::Overrides::PeerKey& key) {
  return "peer " + key.first + "/" + key.second;
}

std::string counted(uint64_t n, const char* thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

void note(const std::string& what, const std::string& change, const AdminChanges::Author& author) {
  log::notice(what, ": ", change, " (operator", author.who.empty() ? "" : ", " + author.who,
              author.why.empty() ? "" : ": " + author.why, ")");
}

}  // namespace

void AdminChanges::set_mode(const PeerPlace& place, Mode mode, const Author& author) {
  const runtime::Overrides::PeerKey key = key_of(place);
  runtime::PeerOverride& said = runtime_.overrides.peers[key];
  said.mode = mode;
  said.why = author.why;
  said.since_us = runtime_.loop.wall_us();
  if (said.empty()) runtime_.overrides.peers.erase(key);
}

void AdminChanges::up(const PeerPlace& place, const Author& author, OnDone done) {
  const runtime::Overrides::PeerKey key = key_of(place);
  const policy::PeerOptions* configured = configured_peer(*runtime_.model, key.first, place.peer->options);
  const bool is_out = configured != nullptr && (configured->down || configured->drain);
  const runtime::PeerOverride* said = runtime_.overrides.peer(key.first, key.second);
  const bool was_out = said != nullptr ? said->mode != Mode::kNone && said->mode != Mode::kUp : is_out;
  drains_.erase(key);
  // Before the switch: a worker that sees the peer come back sees its ramp.
  if (was_out) place.peer->state->ramp_from = runtime_.loop.now();
  place.peer->state->passive.reinstate(runtime_.loop.now());  // the operator knows better than the last failure
  set_mode(place, is_out ? Mode::kUp : Mode::kNone, author);
  note(text_of(key), is_out ? "up, against its configuration" : "up", author);
  put_in_force(std::move(done));
}

void AdminChanges::down(const PeerPlace& place, const Author& author, OnDone done) {
  drains_.erase(key_of(place));
  set_mode(place, Mode::kDown, author);
  note(text_of(key_of(place)), "down", author);
  put_in_force(std::move(done));
}

void AdminChanges::weigh(const PeerPlace& place, std::optional<uint32_t> weight, const Author& author, OnDone done) {
  const runtime::Overrides::PeerKey key = key_of(place);
  runtime::PeerOverride& said = runtime_.overrides.peers[key];
  said.weight = weight;
  if (!author.why.empty() || said.mode == Mode::kNone) said.why = author.why;
  if (said.mode == Mode::kNone) said.since_us = runtime_.loop.wall_us();
  if (said.empty()) runtime_.overrides.peers.erase(key);
  note(text_of(key), weight ? "weight " + std::to_string(*weight) : "weight as configured", author);
  put_in_force(std::move(done));
}

void AdminChanges::reset(const PeerPlace& place, const Author& author, OnDone done) {
  const runtime::Overrides::PeerKey key = key_of(place);
  drains_.erase(key);
  runtime_.overrides.peers.erase(key);
  note(text_of(key), "as configured", author);
  put_in_force(std::move(done));
}

void AdminChanges::drain(const PeerPlace& place, const DrainOptions& options, const Author& author, OnDone done) {
  const runtime::Overrides::PeerKey key = key_of(place);
  set_mode(place, Mode::kDrain, author);
  begin_drain(key, place.peer->state, options);
  const DrainJob& job = *drains_.at(key);
  note(text_of(key),
       "draining, " + counted(job.requests_left(), "request") + " and " + counted(job.tunnels_left(), "WebSocket") +
           " open,",
       author);
  put_in_force(std::move(done));
}

void AdminChanges::begin_drain(const runtime::Overrides::PeerKey& key, const std::shared_ptr<policy::PeerState>& state,
                               const DrainOptions& options) {
  DrainJob::Hooks hooks;
  hooks.close = [this, key](DrainJob& job) { close_tunnels(key, job); };
  hooks.done = [key](DrainJob& job) { log::notice(text_of(key), ": ", job.summary()); };
  drains_[key] = std::make_unique<DrainJob>(runtime_.loop, state, options, std::move(hooks));
}

// Out for bound requests as well, from the first close frame on: a browser comes back at once, and it is bound anew.
void AdminChanges::close_tunnels(const runtime::Overrides::PeerKey& key, DrainJob& job) {
  const auto said = runtime_.overrides.peers.find(key);
  if (said != runtime_.overrides.peers.end()) said->second.mode = Mode::kDrained;
  put_in_force([](const Outcome&) {});
  runtime_.workers.each(
      [&job](runtime::Worker& worker) { worker.close_tunnels(job.state(), job.options().code, job.options().spread); });
}

void AdminChanges::maintain(const std::vector<runtime::Overrides::MaintenanceKey>& where, std::optional<bool> on,
                            const Author& author, OnDone done) {
  for (const runtime::Overrides::MaintenanceKey& key : where) {
    if (on)
      runtime_.overrides.maintenance[key] = {*on, author.why, runtime_.loop.wall_us()};
    else
      runtime_.overrides.maintenance.erase(key);
    note(
        "maintenance of server \"" + key.first + "\"" + (key.second.empty() ? "" : ", location \"" + key.second + "\""),
        on ? (*on ? "on" : "off") : "as configured", author);
  }
  put_in_force(std::move(done));
}

const DrainJob* AdminChanges::drain_of(const std::string& upstream, const std::string& peer) const {
  const auto found = drains_.find({upstream, peer});
  return found == drains_.end() ? nullptr : found->second.get();
}

void AdminChanges::resume_drains() {
  for (const auto& [key, said] : runtime_.overrides.peers) {
    if (said.mode != Mode::kDrain || drains_.contains(key)) continue;
    const PeerPlace place = find_peer(*runtime_.site, key.first + "/" + key.second);
    if (place.peer == nullptr) continue;
    log::notice(text_of(key), ": drain resumed (begun before the restart)");
    begin_drain(key, place.peer->state, {});
  }
}

// In force and saved, in whatever order. A disk that hangs keeps nobody waiting for long: who asked is told of it.
struct AdminChanges::Change final : DeadlineHandler {
  explicit Change(OnDone on_done) : done(std::move(on_done)) {}
  void on_deadline(Deadline&) override {
    is_saved = true;
    outcome.unsaved = "the state file is not written yet, its disk does not answer";
    tell_when_over();
  }
  void tell_when_over() {
    if (!is_built || !is_saved || !done) return;
    patience.cancel();
    std::exchange(done, nullptr)(outcome);
  }
  OnDone done;
  Outcome outcome;
  bool is_built = false, is_saved = false;
  Deadline patience{this};
};

void AdminChanges::put_in_force(OnDone done) {
  auto change = std::make_shared<Change>(std::move(done));
  runtime_.save_overrides([change](const Status<>& saved) {
    change->is_saved = true;
    if (!saved) change->outcome.unsaved = saved.error();
    change->tell_when_over();
  });
  reload_.rebuild([this, change](const std::vector<std::string>& errors) {
    change->is_built = true;
    change->outcome.errors = errors;
    if (!change->is_saved) runtime_.loop.arm(change->patience, runtime_.loop.now() + kSavePatience);
    change->tell_when_over();
  });
}

}  // namespace weir::admin
