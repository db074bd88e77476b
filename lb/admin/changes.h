// What the operator changes at run time: an override edited and saved, the peer's switches moved in the very moment,
// and a snapshot built anew (design/0008). Drains are kept here, as they end by themselves. Control thread only.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/drain_job.h"
#include "admin/peers.h"
#include "runtime/overrides.h"

namespace weir::runtime {
class Reload;
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

class AdminChanges {
 public:
  struct Outcome {
    std::vector<std::string> errors;  // why it is not in force; empty when it is
    std::string unsaved;              // why it will not last over a restart; empty when it will
  };
  // When every worker has it.
  using OnDone = std::function<void(const Outcome&)>;
  // Who makes a change and why, for the log.
  struct Author {
    std::string who;  // "uid 0, pid 17"; may be empty
    std::string why;
  };

  AdminChanges(runtime::Runtime& runtime, runtime::Reload& reload) : runtime_(runtime), reload_(reload) {}

  // In and out; both end a drain. `up` says what the configuration says when that is up.
  void up(const PeerPlace& place, const Author& author, OnDone done);
  void down(const PeerPlace& place, const Author& author, OnDone done);
  // nullopt: as configured.
  void weigh(const PeerPlace& place, std::optional<uint32_t> weight, const Author& author, OnDone done);
  // Everything as configured.
  void reset(const PeerPlace& place, const Author& author, OnDone done);
  // One that runs begins again with these options. `done` is called at its beginning; drain_of() has its progress.
  void drain(const PeerPlace& place, const DrainOptions& options, const Author& author, OnDone done);
  // nullopt: as configured.
  void maintain(const std::vector<runtime::Overrides::MaintenanceKey>& where, std::optional<bool> on,
                const Author& author, OnDone done);

  // The last drain of that peer, over or not; null: none since the start, or undone.
  const DrainJob* drain_of(const std::string& upstream, const std::string& peer) const;
  // Goes on with drains that the last run of weir did not end: the connections went with it.
  void resume_drains();
  // No drain goes on.
  void stop() { drains_.clear(); }

 private:
  void set_mode(const PeerPlace& place, runtime::PeerOverride::Mode mode, const Author& author);
  void begin_drain(const runtime::Overrides::PeerKey& key, const std::shared_ptr<policy::PeerState>& state,
                   const DrainOptions& options);
  void close_tunnels(const runtime::Overrides::PeerKey& key, DrainJob& job);
  struct Change;
  static constexpr MonoMs kSavePatience = 1'000;  // that a command waits for the state file, once all else is done
  void put_in_force(OnDone done);

  runtime::Runtime& runtime_;
  runtime::Reload& reload_;
  std::map<runtime::Overrides::PeerKey, std::unique_ptr<DrainJob>> drains_;
};

}  // namespace weir::admin
