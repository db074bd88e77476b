// Reload: read, judge and build on a helper thread, then bind, then roll out. Any failure before the roll-out leaves
// the old configuration in force. What the operator says at run time and new addresses of host names take the same way,
// without the reading.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "process/load.h"
#include "runtime/runtime.h"
#include "runtime/self_question.h"
#include "runtime/site_builder.h"

namespace weir::runtime {

// On control's loop; each may be empty.
struct ReloadHooks {
  std::function<void()> began = {};   // a configuration is read
  std::function<void()> loaded = {};  // it is in force
  std::function<void()> ended = {};   // in force or refused: behind `loaded`, before who asked is told
};

// What weir asks itself after a reload.
struct Verification {
  std::string url;  // plan_self_question()'s
  Millis within{10'000};
};

class Reload final : private DeadlineHandler {
 public:
  // How the helper thread is started; another way in tests. As std::thread, it throws where there is none to be had.
  using StartThread = std::function<Result<std::thread>(std::function<void()> work)>;
  explicit Reload(Runtime& runtime, ReloadHooks hooks = {}, StartThread start_thread = {});
  ~Reload();  // waits for the helper thread
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  // Rolls out what the start has built; `serving` when every worker does.
  void start(const BuiltSite& built, std::function<void()> serving = {});
  // Called with how it ended: empty when the new configuration is in force, else why the old one still is. Never called
  // inside request() or rebuild(), nor after the end of this object.
  using OnDone = std::function<void(const std::vector<std::string>& errors)>;
  // While one runs, any number of requests make one more; each is told of the one that began after it asked.
  // With questions to itself that weir has to answer well once the new configuration is in force: where it does not,
  // the one before is put in force again, and the errors say why.
  void request(OnDone done = {}, std::vector<Verification> verifications = {});
  // Builds the snapshot anew from the configuration in force and Runtime::overrides, and rolls it out. Coalesced and
  // told likewise. The operator's down and drain act before this returns.
  void rebuild(OnDone done = {});
  // Nothing begins until go_on(); `held` when nothing is under way either. One at a time.
  void hold(std::function<void()> held);
  void go_on();
  // Nothing begins any more, and what is under way comes to nothing; who waits is told so.
  void cancel() { cancel("weir is shutting down"); }
  void cancel(const char* why);
  // After cancel(): waits `most` for the helper thread. False: it is inside a read that may never end, and uses this
  // object and the runtime; they stay as long as the process.
  bool ends_within(Millis most);

 private:
  struct Outcome {
    process::LoadedConfig config;
    BuiltSite built;
    std::vector<std::string> changes;
    std::vector<std::pair<SelfQuestion, Millis>> questions;
    std::shared_ptr<const proxy::Site> before;  // keeps the peers' states until it is decided
  };
  enum class Task : uint8_t { kNone, kLoad, kRebuild, kNames };
  // What was asked for while something else ran.
  struct Pending {
    bool any = false;
    std::vector<OnDone> done;
    std::vector<Verification> verifications;
    void add(OnDone one) {
      any = true;
      if (one) done.push_back(std::move(one));
    }
  };
  void ask(Pending& pending, OnDone done);
  void tell_held();
  void next();
  // `otherwise`, in a turn to come: the system gives no thread.
  void begin(Task task, std::function<std::shared_ptr<Outcome>()> work, void (Reload::*then)(Outcome&),
             std::function<void(const std::string& why)> otherwise);
  void load_and_build(std::vector<Verification> verifications);
  void put_in_force(Outcome& outcome);
  bool take_sockets_and_logs(const config::Model& model);
  std::vector<std::string> take_sockets_and_workers(const config::Model& model);
  void verify(const std::shared_ptr<const config::Model>& before, const std::shared_ptr<Outcome>& loaded_config);
  void verified(Outcome& outcome);
  void put_back(Outcome& outcome);
  void stick(std::vector<std::string> errors, const std::vector<std::string>& why);
  void loaded(std::vector<std::string> changes);
  void build_again();
  void put_rebuilt_in_force(Outcome& outcome);
  void refresh_names();
  void put_names_in_force(Outcome& outcome);
  void move_state_file();
  void adopt_secret(const BuiltSite& built);
  void note_overridden(const BuiltSite& built);
  // What is in force after a failure: kOldAgain, where the new one was not verified and is replaced; kNew, where it
  // could not be.
  enum class InForce : uint8_t { kOld, kOldAgain, kNew };
  void fail(const std::vector<std::string>& errors, InForce which = InForce::kOld);
  void roll_out(const std::shared_ptr<const proxy::Site>& site, std::function<void()> done);
  void record(bool ok);
  void finished(const std::vector<std::string>& errors = {});
  void note_helper(bool works);
  void on_deadline(Deadline&) override;

  Runtime& runtime_;
  const ReloadHooks hooks_;
  const StartThread start_thread_;
  std::thread helper_;
  std::mutex helper_mutex_;
  std::condition_variable helper_ended_;
  bool helper_works_ = false;
  Deadline names_due_{this};
  MonoMs names_not_before_ = 0;  // there was no thread for them
  Task running_ = Task::kNone;
  Pending load_, rebuild_;
  std::vector<OnDone> callbacks_;         // of what runs
  std::set<std::string> orphans_logged_;  // BuiltSite::orphans, each once
  bool holds_ = false;
  std::function<void()> held_;  // once nothing is under way
  bool cancelled_ = false;
  const char* cancelled_why_ = "";
  std::atomic<bool> give_up_{false};     // cancelled_, for the helper thread
  std::vector<std::string> unverified_;  // why the configuration before is being put back
};

}  // namespace weir::runtime
