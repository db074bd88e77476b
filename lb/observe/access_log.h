// Access logs: formats compiled once, lines rendered into a buffer of the worker, written by a thread of their own. A
// worker never waits for a disk: when the writer is behind, blocks are dropped and counted.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/result.h"
#include "route/template.h"

namespace weir::observe {

enum class LogEscape : uint8_t { kDefault, kJson, kNone };

class LogFormat {
 public:
  static Result<LogFormat> compile(LogEscape escape, std::string_view text, const route::VariableNames& names);
  static LogFormat combined(const route::VariableNames& names);
  // One JSON object a line: lb/design/SEMANTICS.md 2.8 has its members.
  static LogFormat json(const route::VariableNames& names);
  // Appends one line with its "\n". Values are escaped (default: \xXX for bytes < 0x20, ", \, >= 0x7f, missing is "-";
  // json: JSON string rules, missing is ""; none). A value is cut at 8 KB.
  void render(const route::VariableSource& source, Arena& arena, std::string& out) const;
  const route::Template& text() const { return text_; }

 private:
  LogEscape escape_ = LogEscape::kDefault;
  route::Template text_;
};

struct AccessLogOptions {
  std::string path;  // file, or "syslog:server=..." as nginx's, or "/dev/stdout"
  std::shared_ptr<const LogFormat> format;
  size_t buffer = 64 * 1024;                         // flushed when full
  Millis flush{1000};                                // or this old
  std::shared_ptr<const route::Template> condition;  // if=: not logged when "" or "0"
};

// That a file of the AccessLogWriter is in use: it stays open as long as one of these lives. Cheap to copy; may go on
// any thread, and after the writer.
class LogFile {
 public:
  LogFile() = default;
  // Stable while the file is in use; -1: none.
  int id() const { return id_; }
  bool operator==(const LogFile& other) const { return id_ == other.id_; }

 private:
  friend class AccessLogWriter;
  struct Use;
  explicit LogFile(std::shared_ptr<const Use> use);
  std::shared_ptr<const Use> use_;
  int id_ = -1;
};

// All log files of the process and, from the first on, the thread that writes them. Thread-safe. Lives as long as the
// server; files are opened at load (an error is the load's error) and reopened by USR1.
class AccessLogWriter {
 public:
  static constexpr size_t kMostQueued = 8 * 1024 * 1024;  // a file

  // `patience`: how long flush() and the destructor wait for a pipe or disk on which nothing moves.
  explicit AccessLogWriter(Millis patience = Millis{1000});
  ~AccessLogWriter();  // writes what is queued, then ends the thread
  AccessLogWriter(const AccessLogWriter&) = delete;
  AccessLogWriter& operator=(const AccessLogWriter&) = delete;

  // One file however many logs name it. It is closed once the last LogFile of it has gone and its queue is written.
  Result<LogFile> open(const std::string& path);
  // Opens every file that is in use anew, for logrotate. A file that cannot be opened keeps its old descriptor; the
  // first error is told. Between two lines, and nothing queued is lost.
  Status<> reopen();
  // Queues a block of whole lines; false when it was dropped (queue full: 8 MB a file). What a full disk refuses later
  // is only counted.
  bool write(const LogFile& file, std::string block);
  // An empty string of at least this capacity, out of what was written: so that hand-overs allocate nothing.
  std::string take_buffer(size_t capacity);
  void flush();  // waits until all that was queued is written
  uint64_t dropped_lines() const;

 private:
  friend class LogFile;
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the thread, which may be stuck in a dead disk when we leave
};

// A worker's side: one buffer a file.
class WorkerLog {
 public:
  explicit WorkerLog(AccessLogWriter& writer) : writer_(writer) {}
  // Renders one line. The file stays open until it is handed over.
  void log(const LogFile& file, const AccessLogOptions& options, const route::VariableSource& source, Arena& scratch,
           MonoMs now);
  // Hands over every buffer that is due (its flush time has passed), or all of them. Returns when the next is due,
  // kNever if none holds anything.
  MonoMs flush(MonoMs now, bool all);

 private:
  struct Buffer {
    LogFile file;  // while there is text
    std::string text;
    MonoMs due = kNever;  // kNever: empty
  };
  void hand_over(size_t id);

  AccessLogWriter& writer_;
  std::vector<Buffer> buffers_;  // by file id
};

}  // namespace weir::observe
