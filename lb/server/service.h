// What the supervisor is told of a weir that runs: when it serves, reloads and ends, and a line of how it is. Control
// thread only.
#pragma once
#include <cstdint>
#include <string>

#include "base/timer_wheel.h"
#include "process/supervisor.h"
#include "runtime/runtime.h"

namespace weir::server {

class Service final : private DeadlineHandler {
 public:
  static constexpr Millis kEvery{5'000};  // between two lines

  // Both outlive it.
  Service(runtime::Runtime& runtime, const process::Supervisor& supervisor)
      : runtime_(runtime), supervisor_(supervisor) {}

  // weir serves, with the workers that the start has begun.
  void start();
  void reloading();
  void reloaded();
  void stopping(const char* how);
  // Another process speaks from now on.
  void silence() { next_.cancel(); }

 private:
  void on_deadline(Deadline&) override;
  std::string status();

  runtime::Runtime& runtime_;
  const process::Supervisor& supervisor_;
  Deadline next_{this};
  uint64_t requests_ = 0;  // at the line before
  MonoMs counted_at_ = 0;
};

}  // namespace weir::server
