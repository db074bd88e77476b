// The admin socket's requests: what each path and method means. Knows nothing of sockets; every answer is a value.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "admin/body.h"
#include "admin/changes.h"
#include "admin/live_view.h"
#include "base/clock.h"
#include "base/result.h"
#include "io/side_thread.h"

namespace weir::runtime {
class Reload;
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

struct AdminRequest {
  std::string method;
  std::string path;          // raw, up to '?'
  std::string content_type;  // as received
  std::string body;
  std::string who;  // the process that asks; empty: not known
};

struct AdminReply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::string allow = {};  // of a 405
};

// Starts an upgrade; told once how it ended: the process that serves now, or why this one still does. Whoever is not
// told has ended before.
using UpgradeOutcome = std::function<void(const Result<pid_t>& successor)>;
using StartUpgrade = std::function<void(const UpgradeChange& change, UpgradeOutcome outcome)>;

// Nullopt: a stray '%'.
std::optional<std::string> percent_decoded(std::string_view text);

// Control thread only.
class AdminApi {
 public:
  // Once; perhaps inside handle(), perhaps much later (a reload), never when the reload is cancelled.
  using Answer = std::function<void(AdminReply)>;

  // `start_upgrade` empty: this weir cannot be upgraded.
  AdminApi(runtime::Runtime& runtime, runtime::Reload& reload, StartUpgrade start_upgrade = {});
  void handle(const AdminRequest& request, Answer answer);
  AdminChanges& changes() { return changes_; }
  LiveView& live_view() { return live_; }
  int64_t started_us() const { return started_us_; }

 private:
  struct Call {
    const AdminRequest& request;
    std::string_view rest;  // of the path, behind what the route matched
    Answer answer;
  };
  struct Route;
  static const Route kRoutes[];

  void healthz(Call& call);
  void metrics(Call& call);
  void status(Call& call);
  void certificates(Call& call);
  void upstreams(Call& call);
  void upstream(Call& call);
  void peer(Call& call);
  void change_peer(Call& call);
  void maintenance(Call& call);
  void change_maintenance(Call& call);
  void cache(Call& call);
  void purge_cache(Call& call);
  void reload(Call& call);
  void upgrade(Call& call);
  void configuration(Call& call);
  void live(Call& call);
  void explain(Call& call);

  PeerPlace place_of(Call& call);
  AdminChanges::OnDone reply_with_peer(const PeerPlace& place, Call& call, int status);
  std::vector<std::string> warnings_about(const std::string& upstream) const;

  runtime::Runtime& runtime_;
  runtime::Reload& reload_;
  const StartUpgrade start_upgrade_;
  AdminChanges changes_;
  const int64_t started_us_ = wall_us();
  LiveView live_{runtime_, changes_, started_us_};
  static constexpr size_t kMostExplained = 4;  // that wait
  io::SideThread explaining_;
};

}  // namespace weir::admin
