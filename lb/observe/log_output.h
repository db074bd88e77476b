// Where the lines of one access log go: a file, a named pipe, a socket or a syslog server. Made on the control thread,
// used by the writer thread alone.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::observe {

// Blocks of whole lines on their way out, and how far they have come.
struct LogBatch {
  std::vector<std::string> blocks;
  size_t at = 0;      // the first block that is not written whole
  size_t offset = 0;  // what of it is
  bool empty() const { return at == blocks.size(); }
  bool inside_line() const { return offset > 0 && blocks[at][offset - 1] != '\n'; }
  void advance(size_t bytes);
  void skip_line();             // the rest of the one that `offset` is in
  uint64_t lines_left() const;  // a half-written one counts
  void clear() { blocks.clear(), at = offset = 0; }
};

class LogOutput {
 public:
  enum class Outcome : uint8_t {
    kWritten,
    kStalled,  // the reader is slow: poll fd() for room
    kFailed,   // the rest of the batch has to be dropped
  };
  virtual ~LogOutput() = default;
  // Writes what it can. Lines that got lost on the way are added to `lost`.
  virtual Outcome write(LogBatch& batch, uint64_t& lost) = 0;
  virtual int fd() const { return -1; }
  // What is now found under that path is what this writes to.
  virtual bool is_same_file(const std::string& path) const = 0;
};

// Error: `open() "/var/log/x" failed (2: No such file or directory)`. Never blocks on a named pipe that nobody reads.
Result<std::unique_ptr<LogOutput>> open_log_output(const std::string& path);

}  // namespace weir::observe
