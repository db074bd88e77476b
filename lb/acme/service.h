// The keeper on a thread of its own. Used by the control thread; status and counters by any.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "acme/keeper.h"

namespace weir::acme {

class Service final : private Clock {
 public:
  // `show`: as Keeper::Options::show; called on the thread.
  explicit Service(std::function<void(const std::vector<Proof>&)> show);
  ~Service() { stop(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // What the configuration in force wants. The thread begins with the first that wants something.
  void want(Plan wanted);
  // Ends what is under way, and the thread. Idempotent; want() does nothing afterwards.
  void stop();

  std::vector<CertificateStatus> status() const { return keeper_.status(); }
  uint64_t issued() const { return keeper_.issued(); }
  uint64_t failed() const { return keeper_.failed(); }

 private:
  int64_t now() override;
  bool wait(int64_t milliseconds) override;
  bool is_interrupted() const;
  void run();

  Keeper keeper_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Plan wanted_;               // the last
  std::optional<Plan> next_;  // taken over by the thread
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace weir::acme
