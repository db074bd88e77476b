// Writes the state file on a thread of its own: a disk that hangs keeps neither checks nor commands waiting. Of what is
// to be written only the newest counts.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/overrides.h"

namespace weir::io {
class Loop;
}

namespace weir::runtime {

class StateWriter {
 public:
  // What writes, on the thread; another one in tests. Empty: StateFile::save().
  using Write = std::function<Status<>(const std::string& path, const Overrides& overrides)>;
  // On the loop. Once, unless the writer ends before.
  using Done = std::function<void(const Status<>& saved)>;

  static constexpr Millis kPatience{2'000};  // of the destructor

  // The loop outlives this; its thread alone calls what follows.
  explicit StateWriter(io::Loop& loop, Write write = {}, Millis patience = kPatience);
  // Waits for what is to be written, and no longer than `patience`: a thread that hangs then is left to itself.
  ~StateWriter();
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // Who asks while one write is under way is told of the next, with all others who have. The thread begins with the
  // first.
  void save(const std::string& path, const Overrides& overrides, Done done = {});

  struct Counts {
    uint64_t written = 0;
    uint64_t failed = 0;
    bool pending = false;  // something is not written yet
  };
  Counts counts() const;

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // shared with the thread
  const Millis patience_;
  std::thread thread_;
};

}  // namespace weir::runtime
