// A file for one request: found by its path, then read piece by piece. What the kernel has in its caches is taken at
// once, on the loop; everything else is asked for on a thread of the pool, so that a slow disk keeps nobody waiting but
// those who want something of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "io/file.h"
#include "io/off_loop.h"

namespace weir::io {

class FileReader final : private OffLoop::Handler {
 public:
  class Handler {
   public:
    // What find() or read() had begun has ended. Never from inside of them. May destroy the reader.
    virtual void on_file_ready() = 0;

   protected:
    ~Handler() = default;
  };

  enum class Want : uint8_t {
    kOpened,        // whatever it is, opened
    kFile,          // no directory; opened where that is allowed
    kNotDirectory,  // looked at
    kRegular,       // a regular file, opened
    kDirectory,     // looked at
    kAnything,      // looked at
  };
  struct Candidate {
    std::string_view path;  // without null bytes
    Want want = Want::kOpened;
  };
  struct Search {
    Links links = Links::kFollow;
    size_t trusted = 0;     // PathRules::trusted
    size_t read_ahead = 0;  // of a regular file that is opened: so many bytes are read at once
    // Of a larger one that the caches have nothing is read at once: it may be sent as it is (cached()).
    int64_t most_read_ahead = INT64_MAX;
  };

  // `loop` and `handler` outlive it. `asks_caches`: false sends everything to the pool.
  FileReader(Loop& loop, Handler& handler, bool asks_caches);
  ~FileReader();

  // The first candidate that is there and is what is wanted; forgets what was found before. True: the answer is here;
  // false: on_file_ready() follows.
  bool find(std::span<const Candidate> candidates, const Search& search);
  // Up to `most` bytes from `offset` on of the file that was opened. As find().
  bool read(int64_t offset, size_t most);
  // How many bytes from `offset` on, up to `most`, of the file that was opened can be sent from the kernel's cache as
  // they are: no disk is waited for. 0 too where the caches are not asked; then read() it.
  size_t cached(int64_t offset, size_t most);
  // Nothing is told any more; the file is closed.
  void close();
  bool is_busy() const { return off_loop_.is_busy(); }

  // --- the answer
  int found() const;  // which candidate; -1: none
  int error() const;  // a negative errno, of the last candidate or of the read; 0: none
  const FileFacts& facts() const;
  std::string_view path() const;  // of the candidate found, else of the last one
  bool is_open() const;
  int fd() const;  // of the file that is open; still the reader's
  // What was read last and where it stands in the file; valid until the next find(), read() or close(). Fewer than
  // asked for: the file ends there.
  std::string_view bytes() const;
  int64_t bytes_at() const;

 private:
  struct Job;
  bool asks_caches() const;
  void note_time(int64_t began_us);  // of a look at the caches
  bool run();
  void on_work_done(std::unique_ptr<OffLoop::Work> work) override;

  OffLoop off_loop_;
  Loop& loop_;
  Handler& handler_;
  bool asks_caches_;
  std::unique_ptr<Job> job_;  // null: before the first find(), and while it runs on a thread
};

}  // namespace weir::io
