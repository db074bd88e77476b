#include "base/start_thread.h"

#include <signal.h>

#include <string>
#include <system_error>
#include <utility>

namespace weir {

Result<std::thread> start_thread(std::function<void()> run) {
  try {
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    return Unexpected{std::string("no thread: ") + error.what()};
  }
}

Result<std::thread> start_thread_without_signals(std::function<void()> run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread begins with its maker's mask
  Result<std::thread> started = start_thread(std::move(run));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace weir
