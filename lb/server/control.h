// The control thread while weir serves: signals in, reloads and the end out.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/server.h"
#include "base/result.h"
#include "io/signals.h"
#include "process/pid_file.h"
#include "process/privileges.h"
#include "runtime/certificate_watch.h"
#include "runtime/geo_watch.h"
#include "runtime/reload.h"
#include "runtime/runtime.h"
#include "runtime/stapling.h"
#include "server/service.h"
#include "server/succession.h"
#include "server/upgrade.h"

namespace weir::server {

class Control final : private DeadlineHandler {
 public:
  // `pid_file` and `supervisor` outlive it.
  Control(runtime::Runtime& runtime, process::PidFile& pid_file, const process::Supervisor& supervisor);

  // Listens on the admin socket and gives its file to the account that weir becomes. Where it is not named by the
  // configuration, a failure is only a warning.
  Status<> open_admin(const std::optional<process::Account>& account);
  // Instead: the socket of the weir before, where it is the one that the configuration names.
  bool inherit_admin(const std::string& path, OwnedFd socket);
  // The start has failed: an inherited socket goes on being the other weir's.
  void leave_admin() { admin_.hand_over(); }
  // Workers start with what the start has built. When they serve, `serving` is told and then `succession` (null:
  // none), and the service manager last. Where `serving` answers false, after give_up(), nobody else is told.
  void start(const runtime::BuiltSite& built, std::function<bool()> serving, Succession* succession);
  // Until TERM, INT (at once) or QUIT (after the drain), or give_up().
  void run();
  // After run(): as Reload's of the same name.
  bool ends_within(Millis most) { return reload_.ends_within(most); }
  // What `serving` does came to nothing: run() returns.
  void give_up() { runtime_.loop.stop(); }

 private:
  void on_deadline(Deadline&) override;
  void on_signal(int number);
  void stop(const char* why);
  void quit();
  void reopen_logs();
  void move_admin();
  void want_certificates();
  void tell_peers();
  void restore_pid_file();
  UpgradeHooks upgrade_hooks();
  void add_items(std::vector<process::HandoverItem>& items);
  void release();
  void drain_after_upgrade();
  void upgrade_by_signal();

  runtime::Runtime& runtime_;
  const process::Supervisor& supervisor_;
  process::PidFile& pid_file_;
  Service service_;
  runtime::Reload reload_;
  runtime::CertificateWatch certificates_;
  runtime::GeoWatch geo_;
  runtime::Stapling stapling_;
  Upgrade upgrade_;
  admin::AdminServer admin_;
  std::string admin_path_;  // empty: none is open
  Millis goodbye_spread_{0};
  Deadline goodbye_{this};  // WebSockets that were kept over an upgrade are closed
  io::Signals signals_;
};

}  // namespace weir::server
