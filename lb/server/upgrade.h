// The side of an upgrade that serves already (design/0035): it starts the new weir, hands it what it needs, and lets go
// when that one serves. Whatever goes wrong before leaves everything as it was.
//
//     kIdle -> kHolding (nothing else is built) -> kPreparing (the new one reads and builds) -> kStarting (it has the
//     state and begins to serve) -> kDone (this one drains); from each of the others back to kIdle
#pragma once
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/handover_channel.h"
#include "process/handover_items.h"
#include "runtime/reload.h"
#include "runtime/runtime.h"

namespace weir::server {

// On control's loop.
struct UpgradeHooks {
  // Descriptors that are not the runtime's: pid file, admin socket, service manager.
  std::function<void(std::vector<process::HandoverItem>&)> add_items;
  // The new weir serves, as this process: now its word counts with the service manager.
  std::function<void(pid_t successor)> announce;
  // Everything else may be let go, and connections drain.
  std::function<void()> release;
  // It has come to nothing, after it may have written the pid file.
  std::function<void()> take_back;
  // It has ended while this one still drained, and not because somebody told it to.
  std::function<void(const std::string& how)> successor_lost;
};

class Upgrade {
 public:
  // The references outlive it.
  Upgrade(runtime::Runtime& runtime, runtime::Reload& reload, UpgradeHooks hooks);
  ~Upgrade();  // waits for the helper thread
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  // Told once, on control's loop; not after the end of this object. `binary` empty: the path that this weir was started
  // by.
  using OnDone = std::function<void(const Result<pid_t>& successor)>;
  void start(const std::string& binary, Millis within, OnDone done);
  // What is under way comes to nothing: this weir ends.
  void cancel();
  bool is_done() const { return step_ == Step::kDone; }

 private:
  enum class Step : uint8_t { kIdle, kHolding, kPreparing, kStarting, kDone };
  void spawn(const std::string& binary);
  void prepared(const Status<>& outcome);
  void serving(const Status<>& outcome);
  void watch_successor();
  void fail(const std::string& why);
  // Runs `work` on the helper thread, then `then` with what it gave on control's loop.
  void beside(std::function<Status<>()> work, void (Upgrade::*then)(const Status<>&));
  bool run_beside(std::function<void()> work);

  runtime::Runtime& runtime_;
  runtime::Reload& reload_;
  const UpgradeHooks hooks_;
  Step step_ = Step::kIdle;
  OnDone done_;
  MonoMs deadline_ = 0;
  std::unique_ptr<process::HandoverChannel> channel_;
  pid_t successor_ = 0;
  std::thread helper_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace weir::server
