// Where finished log lines go: a descriptor (stderr, a file, a named pipe) or a syslog server. Used by the logger
// thread alone.
#pragma once
#include <memory>
#include <string_view>

#include "base/log.h"
#include "base/result.h"

namespace weir {

class LogSink {
 public:
  explicit LogSink(LogLevel level) : level_(level) {}
  virtual ~LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  LogLevel level() const { return level_; }
  // `line` ends with its newline. False: it was lost (no room, nobody reads, no server). Waits a tenth of a second at
  // most.
  virtual bool write(LogLevel level, std::string_view line) = 0;

 private:
  const LogLevel level_;
};

// The error says what failed as nginx does: `open() "/var/log/x" failed (2: No such file or directory)`.
Result<std::shared_ptr<LogSink>> open_log_sink(const LogTarget& target);

}  // namespace weir
