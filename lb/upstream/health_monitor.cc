// Who is asked what (reconcile), and what a peer's checks say together (judge).
#include "upstream/health_monitor.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "upstream/change_log.h"
#include "upstream/check_series.h"
#include "upstream/probe.h"

namespace weir::upstream {
namespace {

using Standing = policy::HealthState::Standing;

constexpr MonoMs kInconclusiveQuiet = 60'000;  // between two lines about probes that said nothing
constexpr std::string_view kNotChecked = "not checked yet";

}  // namespace

struct HealthMonitor::Impl final : private DeadlineHandler {
  struct SharedProbe;
  struct PeerCheck {
    SharedProbe* probe = nullptr;
    bool failed_since_ejection = false;  // a probe failed while the peer was out passively
  };
  struct PeerEntry {
    CheckedPeer peer;
    std::string title;              // "myapp/10.0.0.1:13000"
    std::vector<PeerCheck> checks;  // in the upstream's order
    bool down = false;
    bool unchecked = false;  // down for want of a first answer alone (mandatory)
    MonoMs changed_at = 0;   // 0: nothing is known yet
    ChangeLog log;
  };
  struct CheckEntry {
    CheckOptions options;  // `host` resolved
    std::string question;
    std::string fingerprint;
    std::string label;
    bool void_verdict = false;
  };
  struct UpstreamEntry {
    std::string name;
    std::vector<CheckEntry> checks;
    std::vector<std::unique_ptr<PeerEntry>> peers;
  };
  struct Binding {
    UpstreamEntry* upstream;
    PeerEntry* peer;
    size_t check;
  };
  // A series of probes and the peers of all upstreams that it stands for.
  struct SharedProbe final : CheckSeries::Listener {
    SharedProbe(Impl& its_impl, const SocketAddress& at, const CheckEntry& check)
        : impl(its_impl), series(impl.kit, impl.rng, at, check.options, *this) {}
    void on_begin() override { ++impl.started; }
    void on_result(const ProbeOutcome& outcome, bool changed) override { impl.on_result(*this, outcome, changed); }
    Impl& impl;
    std::vector<Binding> stands_for;
    CheckSeries series;
  };
  using SharedProbes = std::unordered_map<std::string, std::unique_ptr<SharedProbe>>;
  using Upstreams = std::vector<std::unique_ptr<UpstreamEntry>>;
  // What was checked before a reconcile: what stays is moved out of it.
  struct Previous {
    explicit Previous(Impl& impl);
    SharedProbes probes;  // by address and fingerprint
    Upstreams upstreams;
    std::unordered_map<std::string, const SharedProbe*> by_question;  // address and question
    std::unordered_map<std::string, PeerEntry*> peers;                // by title
    std::unordered_map<std::string, const CheckEntry*> checks;        // upstream's name and fingerprint
  };

  Impl(io::Loop& its_loop, HealthMonitorOptions its_options)
      : loop(its_loop), options(std::move(its_options)), rng(options.seed), kit(its_loop, options.connect) {}

  void reconcile(std::vector<CheckedUpstream> wanted);
  void add(CheckedUpstream wanted, Previous& previous);
  std::unique_ptr<PeerEntry> make_peer(const UpstreamEntry& upstream, CheckedPeer peer, const Previous& previous);
  SharedProbe& probe_for(const SocketAddress& peer, const CheckEntry& check, Previous& previous);
  void release_unchecked(const Previous& previous);

  void on_result(SharedProbe& shared, const ProbeOutcome& outcome, bool changed);
  bool judge_void(UpstreamEntry& upstream, size_t check);
  void judge(UpstreamEntry& upstream);
  void judge(UpstreamEntry& upstream, PeerEntry& peer);
  void change(const UpstreamEntry& upstream, PeerEntry& peer, bool down, const CheckEntry* check, std::string reason);
  void heal(const Binding& binding, bool passed);
  void note_inconclusive(const SharedProbe& shared, const ProbeOutcome& outcome);
  void deliver();
  void on_deadline(Deadline&) override { deliver(); }

  io::Loop& loop;
  HealthMonitorOptions options;
  Rng rng;
  ProbeKit kit;
  SharedProbes probes;
  Upstreams upstreams;
  std::unordered_map<std::string, ProbeStanding> restored;  // by question, until the first reconcile is over
  std::vector<HealthChange> changes;                        // not told yet
  Deadline tell{this};
  uint64_t started = 0;
  MonoMs inconclusive_logged = -kInconclusiveQuiet;
};

// ---- what is asked

HealthMonitor::Impl::Previous::Previous(Impl& impl)
    : probes(std::move(impl.probes)), upstreams(std::move(impl.upstreams)) {
  impl.probes.clear();
  impl.upstreams.clear();
  for (auto& [key, each] : probes) {
    const Binding& one = each->stands_for.front();
    const std::string address = key.substr(0, key.find('\n') + 1);
    by_question.emplace(address + one.upstream->checks[one.check].question, each.get());
    each->stands_for.clear();
  }
  for (const auto& upstream : upstreams) {
    for (const CheckEntry& check : upstream->checks) checks.emplace(upstream->name + '\n' + check.fingerprint, &check);
    for (const auto& peer : upstream->peers) peers.emplace(peer->title, peer.get());
  }
}

void HealthMonitor::Impl::reconcile(std::vector<CheckedUpstream> wanted) {
  Previous previous(*this);
  for (CheckedUpstream& each : wanted)
    if (!each.checks.empty() && !each.peers.empty()) add(std::move(each), previous);
  release_unchecked(previous);
  restored.clear();
  for (const auto& upstream : upstreams) {
    for (size_t check = 0; check < upstream->checks.size(); ++check) judge_void(*upstream, check);
    judge(*upstream);
  }
  if (!changes.empty()) loop.arm(tell, loop.now());
}

void HealthMonitor::Impl::add(CheckedUpstream wanted, Previous& previous) {
  auto upstream = std::make_unique<UpstreamEntry>();
  upstream->name = std::move(wanted.name);
  for (CheckOptions& options_in : wanted.checks) {
    CheckEntry& check = upstream->checks.emplace_back();
    check.options = std::move(options_in);
    if (check.options.host.empty()) check.options.host = upstream->name;
    check.question = check.options.question();
    check.fingerprint = check.options.fingerprint();
    check.label = check.options.label();
    const auto before = previous.checks.find(upstream->name + '\n' + check.fingerprint);
    check.void_verdict = before != previous.checks.end() && check.options.fail_open && before->second->void_verdict;
  }
  std::unordered_set<const policy::PeerState*> seen;
  for (CheckedPeer& peer : wanted.peers) {
    if (!seen.insert(peer.state.get()).second) continue;  // the same address twice is one peer
    upstream->peers.push_back(make_peer(*upstream, std::move(peer), previous));
    PeerEntry& entry = *upstream->peers.back();
    for (size_t i = 0; i < upstream->checks.size(); ++i) {
      SharedProbe& shared = probe_for(entry.peer.address, upstream->checks[i], previous);
      shared.stands_for.push_back({upstream.get(), &entry, i});
      entry.checks.push_back({&shared});
    }
  }
  upstreams.push_back(std::move(upstream));
}

std::unique_ptr<HealthMonitor::Impl::PeerEntry> HealthMonitor::Impl::make_peer(const UpstreamEntry& upstream,
                                                                               CheckedPeer peer,
                                                                               const Previous& previous) {
  auto entry = std::make_unique<PeerEntry>();
  entry->title = upstream.name + '/' + peer.name;
  entry->peer = std::move(peer);
  if (const auto before = previous.peers.find(entry->title); before != previous.peers.end()) {
    entry->down = before->second->down;
    entry->unchecked = before->second->unchecked;
    entry->changed_at = before->second->changed_at;
    entry->log = before->second->log;
    before->second->down = false;  // it goes on here
  }
  entry->peer.state->check_down = entry->down;
  return entry;
}

HealthMonitor::Impl::SharedProbe& HealthMonitor::Impl::probe_for(const SocketAddress& peer, const CheckEntry& check,
                                                                 Previous& previous) {
  SocketAddress address = peer;
  if (check.options.port != 0 && !address.is_unix()) address.set_port(check.options.port);
  const std::string where = address.to_string() + '\n';
  std::unique_ptr<SharedProbe>& place = probes[where + check.fingerprint];
  if (place != nullptr) return *place;
  if (const auto before = previous.probes.find(where + check.fingerprint); before != previous.probes.end()) {
    place = std::move(before->second);
    previous.probes.erase(before);
    return *place;
  }
  place = std::make_unique<SharedProbe>(*this, address, check);
  if (const auto before = previous.by_question.find(where + check.question); before != previous.by_question.end())
    place->series.inherit(before->second->series);
  else if (const auto said = restored.find(where + check.question); said != restored.end())
    place->series.restore(said->second);
  return *place;
}

// Those that were not taken over.
void HealthMonitor::Impl::release_unchecked(const Previous& previous) {
  for (const auto& upstream : previous.upstreams) {
    for (const auto& peer : upstream->peers) {
      peer->peer.state->check_passes.store(false, std::memory_order_relaxed);  // until its next result
      if (!peer->down) continue;
      peer->peer.state->check_down = false;
      log::notice("peer ", peer->title, ": no longer checked (was down)");
      changes.push_back({upstream->name, peer->peer.name, peer->peer.state, false, {}});
    }
  }
}

// ---- what the answers say

// Tells nobody before everything is in place: whoever is told may reconcile.
void HealthMonitor::Impl::on_result(SharedProbe& shared, const ProbeOutcome& outcome, bool changed) {
  if (outcome.verdict == ProbeOutcome::Verdict::kInconclusive) return note_inconclusive(shared, outcome);
  const bool passed = outcome.verdict == ProbeOutcome::Verdict::kPassed;
  for (const Binding& binding : shared.stands_for) {
    if (changed) {
      if (judge_void(*binding.upstream, binding.check)) judge(*binding.upstream);
      judge(*binding.upstream, *binding.peer);
    }
    heal(binding, passed);
    binding.peer->log.catch_up(binding.peer->title, binding.peer->down, loop.now());
  }
  deliver();
}

// True when it is another than before.
bool HealthMonitor::Impl::judge_void(UpstreamEntry& upstream, size_t check) {
  CheckEntry& entry = upstream.checks[check];
  if (!entry.options.fail_open) return false;
  const bool all = std::all_of(upstream.peers.begin(), upstream.peers.end(), [check](const auto& peer) {
    return peer->checks[check].probe->series.standing() == Standing::kDown;
  });
  if (all == entry.void_verdict) return false;
  entry.void_verdict = all;
  if (all) {
    log::warn("upstream ", upstream.name, ": check ", entry.label,
              " void (fails on all peers: ", upstream.peers.front()->checks[check].probe->series.last_failure(), ")");
  } else {
    log::warn("upstream ", upstream.name, ": check ", entry.label, " valid again (a peer passes)");
  }
  return true;
}

void HealthMonitor::Impl::judge(UpstreamEntry& upstream) {
  for (const auto& peer : upstream.peers) judge(upstream, *peer);
}

void HealthMonitor::Impl::judge(UpstreamEntry& upstream, PeerEntry& peer) {
  bool unknown = false;
  for (size_t i = 0; i < upstream.checks.size(); ++i) {
    const CheckEntry& check = upstream.checks[i];
    if (check.void_verdict) continue;
    const CheckSeries& series = peer.checks[i].probe->series;
    if (series.standing() == Standing::kUp) continue;
    if (series.standing() == Standing::kDown) return change(upstream, peer, true, &check, series.last_failure());
    if (check.options.health.mandatory) return change(upstream, peer, true, nullptr, std::string(kNotChecked));
    unknown = true;
  }
  // A check that is new has said nothing yet: a peer that is down stays so until it does.
  if (unknown) return;
  if (peer.changed_at == 0) peer.changed_at = loop.now();
  change(upstream, peer, false, nullptr, {});
}

// `check`: the one that says down; null: it has not been asked yet.
void HealthMonitor::Impl::change(const UpstreamEntry& upstream, PeerEntry& peer, bool down, const CheckEntry* check,
                                 std::string reason) {
  const bool was_unchecked = peer.unchecked;
  peer.unchecked = down && check == nullptr && (peer.unchecked || !peer.down);
  if (down == peer.down && was_unchecked == peer.unchecked) return;
  const MonoMs now = loop.now();
  const MonoMs lasted = peer.changed_at == 0 || was_unchecked ? -1 : now - peer.changed_at;
  const bool changed = down != peer.down;
  peer.down = down;
  peer.changed_at = now;
  if (changed) {
    policy::PeerState& state = *peer.peer.state;
    if (!down) {  // what eases its return is in place before it is seen
      if (peer.peer.slow_start.count() > 0) state.ramp_from = now;
      state.passive.reinstate(now);
    }
    state.check_down = down;
  }
  // Whoever reads that it is down finds it so.
  if (down && check != nullptr) peer.log.down(peer.title, reason, check->label, lasted, now);
  if (!down && !was_unchecked) peer.log.up(peer.title, lasted, now);
  if (changed) changes.push_back({upstream.name, peer.peer.name, peer.peer.state, down, std::move(reason)});
}

// A peer that is out passively and whose check failed meanwhile is back when the check passes again: its recovery does
// not wait for fail_timeout. A check that never failed says nothing of why it is out.
void HealthMonitor::Impl::heal(const Binding& binding, bool passed) {
  PeerEntry& peer = *binding.peer;
  policy::PeerState& state = *peer.peer.state;
  state.check_passes.store(passed && !peer.down, std::memory_order_relaxed);
  bool& failed = peer.checks[binding.check].failed_since_ejection;
  if (state.passive.ejected_until() == 0) {
    failed = false;
    return;
  }
  if (!passed) {
    failed = true;
    return;
  }
  const policy::HealthState& health = peer.checks[binding.check].probe->series.health();
  if (!failed || health.passes_in_row() < health.options().passes) return;
  failed = false;
  const bool others_fail =
      std::any_of(peer.checks.begin(), peer.checks.end(), [](const PeerCheck& c) { return c.failed_since_ejection; });
  if (others_fail || peer.down) return;
  if (peer.peer.slow_start.count() > 0) state.ramp_from = loop.now();
  if (state.passive.reinstate(loop.now()))
    log::warn("peer ", peer.title, ": ejection ended early (check passes again)");
}

void HealthMonitor::Impl::note_inconclusive(const SharedProbe& shared, const ProbeOutcome& outcome) {
  if (loop.now() - inconclusive_logged < kInconclusiveQuiet) return;
  inconclusive_logged = loop.now();
  const Binding& one = shared.stands_for.front();
  log::error("peer ", one.peer->title, ": check inconclusive (", outcome.reason,
             "), next such line in a minute at the earliest");
}

void HealthMonitor::Impl::deliver() {
  if (changes.empty()) return;
  const auto told = std::exchange(changes, {});
  const auto on_change = options.on_change;  // a copy: it may destroy the monitor
  if (!on_change) return;
  for (const HealthChange& each : told) on_change(each);
}

// ---- the monitor

HealthMonitor::HealthMonitor(io::Loop& loop, HealthMonitorOptions options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}

HealthMonitor::~HealthMonitor() = default;

void HealthMonitor::reconcile(std::vector<CheckedUpstream> upstreams) {
  impl_->reconcile(std::move(upstreams));
}

std::vector<ProbeStanding> HealthMonitor::standings() const {
  std::vector<ProbeStanding> out;
  for (const auto& [key, probe] : impl_->probes) {
    const Impl::Binding& one = probe->stands_for.front();
    ProbeStanding& standing = out.emplace_back(probe->series.standing_now());
    standing.question = key.substr(0, key.find('\n') + 1) + one.upstream->checks[one.check].question;
  }
  return out;
}

void HealthMonitor::restore(std::vector<ProbeStanding> standings) {
  for (ProbeStanding& each : standings) {
    std::string question = each.question;
    impl_->restored.insert_or_assign(std::move(question), std::move(each));
  }
}

size_t HealthMonitor::probes() const {
  return impl_->probes.size();
}

uint64_t HealthMonitor::started() const {
  return impl_->started;
}

std::vector<ProbeReport> HealthMonitor::report() const {
  std::vector<ProbeReport> reports;
  for (const auto& upstream : impl_->upstreams) {
    for (const auto& peer : upstream->peers) {
      for (size_t i = 0; i < upstream->checks.size(); ++i) {
        ProbeReport& report = reports.emplace_back();
        report.upstream = upstream->name;
        report.peer = peer->peer.name;
        report.check = upstream->checks[i].label;
        report.void_verdict = upstream->checks[i].void_verdict;
        peer->checks[i].probe->series.report(report);
      }
    }
  }
  return reports;
}

}  // namespace weir::upstream
