#include "acme/service.h"

#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/start_thread.h"
#include "fetch/curl_door.h"

namespace weir::acme {

Service::Service(std::function<void(const std::vector<Proof>&)> show)
    : keeper_({.make_door =
                   [this](const AcmeOptions& options) {
                     return fetch::make_curl_door({.trusted_certificate = options.trusted_certificate,
                                                   .is_stopped = [this] { return is_interrupted(); }});
                   },
               .clock = this,
               .show = std::move(show)}) {}

void Service::want(Plan wanted) {
  const std::lock_guard lock(mutex_);
  // A reload that changes nothing here interrupts nothing.
  if (stopped_ || wanted == wanted_ || (wanted.certificates.empty() && !thread_.joinable())) return;
  wanted_ = wanted;
  next_ = std::move(wanted);
  changed_.notify_all();
  if (thread_.joinable()) return;
  Result<std::thread> thread = start_thread([this] { run(); });
  if (thread) {
    thread_ = std::move(*thread);
  } else {
    wanted_ = {};  // so that the next one is no repetition
    log::error("certificates: none is ordered or renewed until the next reload (", thread.error(), ")");
  }
}

void Service::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

int64_t Service::now() {
  return wall_us() / 1'000'000;
}

bool Service::wait(int64_t milliseconds) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return stopped_ || next_; });
}

bool Service::is_interrupted() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || next_;
}

void Service::run() {
  for (;;) {
    std::optional<Plan> wanted;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      wanted = std::exchange(next_, std::nullopt);
    }
    if (wanted) keeper_.want(std::move(*wanted));
    (void)wait(keeper_.look());
  }
}

}  // namespace weir::acme
