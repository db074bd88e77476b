// The control thread while weir serves: signals in, reloads and the end out.
#pragma once
#include <string>

#include "admin/server.h"
#include "base/result.h"
#include "io/signals.h"
#include "process/pid_file.h"
#include "process/privileges.h"
#include "runtime/certificate_watch.h"
#include "runtime/reload.h"
#include "runtime/runtime.h"
#include "runtime/stapling.h"
#include "server/service.h"

namespace weir::server {

class Control {
 public:
  // `pid_file` and `supervisor` outlive it.
  Control(runtime::Runtime& runtime, process::PidFile& pid_file, const process::Supervisor& supervisor);

  // Listens on the admin socket and gives its file to the account that weir becomes. Where it is not named by the
  // configuration, a failure is only a warning.
  Status<> open_admin(const std::optional<process::Account>& account);
  // Workers start with what the start has built.
  void start(const runtime::BuiltSite& built) {
    reload_.start(built);
    certificates_.start();
    service_.start();
    want_certificates();
  }
  // Until TERM, INT (at once) or QUIT (after the drain).
  void run();

 private:
  void on_signal(int number);
  void stop(const char* why);
  void quit();
  void reopen_logs();
  void move_admin();
  void want_certificates();
  void restore_pid_file();

  runtime::Runtime& runtime_;
  process::PidFile& pid_file_;
  Service service_;
  runtime::Reload reload_;
  runtime::CertificateWatch certificates_;
  runtime::Stapling stapling_;
  admin::AdminServer admin_;
  std::string admin_path_;  // empty: none is open
  io::Signals signals_;
};

}  // namespace weir::server
