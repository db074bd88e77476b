// Reload: read, judge and build on a helper thread, then bind, then roll out. Any failure before the roll-out leaves
// the old configuration in force. What the operator says at run time and new addresses of host names take the same way,
// without the reading.
#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "process/load.h"
#include "runtime/runtime.h"
#include "runtime/site_builder.h"

namespace weir::runtime {

class Reload final : private DeadlineHandler {
 public:
  // `loaded`: after each reload that is in force now.
  explicit Reload(Runtime& runtime, std::function<void()> loaded = {});
  ~Reload();  // waits for the helper thread
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  // Rolls out what the start has built.
  void start(const BuiltSite& built);
  // Called with how it ended: empty when the new configuration is in force, else why the old one still is. Never called
  // inside request() or rebuild(), nor after the end of this object.
  using OnDone = std::function<void(const std::vector<std::string>& errors)>;
  // While one runs, any number of requests make one more; each is told of the one that began after it asked.
  void request(OnDone done = {});
  // Builds the snapshot anew from the configuration in force and Runtime::overrides, and rolls it out. Coalesced and
  // told likewise. The operator's down and drain act before this returns.
  void rebuild(OnDone done = {});
  // Nothing begins any more, and what is under way comes to nothing; who waits is told so.
  void cancel();

 private:
  struct Outcome {
    process::LoadedConfig config;
    BuiltSite built;
  };
  enum class Task : uint8_t { kNone, kLoad, kRebuild, kNames };
  // What was asked for while something else ran.
  struct Pending {
    bool any = false;
    std::vector<OnDone> done;
    void add(OnDone one) {
      any = true;
      if (one) done.push_back(std::move(one));
    }
  };
  void ask(Pending& pending, OnDone done);
  void next();
  void begin(Task task, std::function<std::shared_ptr<Outcome>()> work, void (Reload::*then)(Outcome&));
  void load_and_build();
  void put_in_force(Outcome& outcome);
  void build_again();
  void put_rebuilt_in_force(Outcome& outcome);
  void refresh_names();
  void put_names_in_force(Outcome& outcome);
  void move_state_file();
  void adopt_secret(const BuiltSite& built);
  void note_overridden(const BuiltSite& built);
  void fail(const std::vector<std::string>& errors);
  void roll_out(const std::shared_ptr<const proxy::Site>& site, std::function<void()> done);
  void record(bool ok);
  void finished(const std::vector<std::string>& errors = {});
  void on_deadline(Deadline&) override;

  Runtime& runtime_;
  std::function<void()> loaded_;
  std::thread helper_;
  Deadline names_due_{this};
  Task running_ = Task::kNone;
  Pending load_, rebuild_;
  std::vector<OnDone> callbacks_;         // of what runs
  std::set<std::string> orphans_logged_;  // BuiltSite::orphans, each once
  bool cancelled_ = false;
};

}  // namespace weir::runtime
