#include "io/file_reader.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/loop_impl.h"

namespace weir::io {
namespace {

// Caches answer in microseconds. Where a look at them takes longer than the loop has patience, the file system lets its
// caller wait all the same (one that a program of the user serves, say): for a while all goes to the pool.
constexpr MonoMs kAvoidMs = 10'000;

// Most files are read and sent in one turn: the loop keeps one buffer for them.
constexpr size_t kSpareBytes = 128 * 1024;

}  // namespace

// What is asked and what was answered; with the loop or with a thread, never with both.
struct FileReader::Job final : OffLoop::Work {
  struct Entry {
    size_t path;  // where it begins in `paths`
    size_t size;
    Want want;
  };

  void run() override { (void)go_on(Reach::kAll); }

  // False: the caches have not got it; once more with kAll goes on from there.
  bool go_on(Reach reach) {
    for (; !is_found && at < entries.size(); ++at) {
      error = look(entries[at], reach);
      if (error == -EAGAIN && reach == Reach::kCached) {
        error = 0;
        return false;
      }
      if (error == 0) {
        is_found = true;
        break;
      }
      fd.reset();
      facts = {};
    }
    if (!is_found || wanted == 0) return true;
    return read(reach);
  }

  int look(const Entry& entry, Reach reach) {
    const char* const path = paths.c_str() + entry.path;
    const PathRules rules{links, trusted, reach};
    const bool opens = entry.want == Want::kOpened || entry.want == Want::kFile || entry.want == Want::kRegular;
    int done = opens ? open_file(path, rules, fd, facts) : look_at(path, rules, facts);
    if (done == -EACCES && entry.want == Want::kFile) done = look_at(path, rules, facts);
    if (done != 0) return done;
    using enum FileFacts::Kind;
    if ((entry.want == Want::kFile || entry.want == Want::kNotDirectory) && facts.kind == kDirectory) return -EISDIR;
    if (entry.want == Want::kRegular && facts.kind != kRegular) return -ENOENT;
    if (entry.want == Want::kDirectory && facts.kind != kDirectory) return -ENOTDIR;
    if (facts.kind != kRegular || fd.get() < 0) wanted = 0;
    if (reach == Reach::kCached && facts.size > most_read_ahead) wanted = 0;
    wanted = std::min(wanted, static_cast<size_t>(facts.size));
    return 0;
  }

  bool read(Reach reach) {
    if (capacity < wanted) {
      // A little one may be the file's whole, or a part of many.
      capacity = wanted > kSpareBytes / 4 ? std::max(wanted, kSpareBytes) : wanted;
      buffer = std::make_unique_for_overwrite<char[]>(capacity);
    }
    while (filled < wanted) {
      const ssize_t n =
          read_file(fd.get(), buffer.get() + filled, wanted - filled, offset + static_cast<int64_t>(filled), reach);
      if (n == -EAGAIN && reach == Reach::kCached) return false;
      if (n < 0) error = static_cast<int>(n);
      if (n <= 0) break;
      filled += static_cast<size_t>(n);
    }
    wanted = 0;
    return true;
  }

  std::string paths;  // a null byte behind each
  std::vector<Entry> entries;
  Links links = Links::kFollow;
  size_t trusted = 0;
  int64_t most_read_ahead = INT64_MAX;

  size_t at = 0;  // which entry is being looked at, or was found
  bool is_found = false;
  int error = 0;
  OwnedFd fd;
  FileFacts facts;
  std::unique_ptr<char[]> buffer;
  size_t capacity = 0;
  size_t filled = 0;
  size_t wanted = 0;  // to be read, with what is filled already; 0: nothing, or it has ended
  int64_t offset = 0;
};

FileReader::FileReader(Loop& loop, Handler& handler, bool asks_caches)
    : off_loop_(loop, *this), loop_(loop), handler_(handler), asks_caches_(asks_caches) {}

FileReader::~FileReader() = default;

bool FileReader::find(std::span<const Candidate> candidates, const Search& search) {
  assert(!off_loop_.is_busy());
  if (job_ == nullptr) job_ = std::make_unique<Job>();
  Job& job = *job_;
  job.paths.clear();
  job.entries.clear();
  for (const Candidate& each : candidates) {
    job.entries.push_back({job.paths.size(), each.path.size(), each.want});
    job.paths.append(each.path).push_back('\0');
  }
  job.links = search.links;
  job.trusted = search.trusted;
  job.most_read_ahead = search.most_read_ahead;
  job.at = 0;
  job.is_found = false;
  job.error = 0;
  job.fd.reset();
  job.facts = {};
  job.filled = 0;
  job.offset = 0;
  job.wanted = search.read_ahead;
  return run();
}

bool FileReader::read(int64_t offset, size_t most) {
  assert(!off_loop_.is_busy() && job_ != nullptr && job_->fd.get() >= 0);
  job_->error = 0;
  job_->filled = 0;
  job_->offset = offset;
  job_->wanted = most;
  return run();
}

size_t FileReader::cached(int64_t offset, size_t most) {
  assert(!off_loop_.is_busy() && is_open());
  if (!asks_caches()) return 0;
  const int64_t before = monotonic_us();
  const size_t cached = cached_size(job_->fd.get(), offset, most);
  note_time(before);
  return cached;
}

bool FileReader::asks_caches() const {
  return asks_caches_ && loop_.impl().caches_avoided_until <= loop_.now();
}

void FileReader::note_time(int64_t began_us) {
  if (monotonic_us() - began_us > loop_.impl().caches_patience_us)
    loop_.impl().caches_avoided_until = loop_.now() + kAvoidMs;
}

bool FileReader::run() {
  if (asks_caches()) {
    if (job_->capacity == 0 && job_->wanted != 0 && loop_.impl().file_buffer != nullptr) {
      job_->buffer = std::move(loop_.impl().file_buffer);
      job_->capacity = kSpareBytes;
    }
    const int64_t before = monotonic_us();
    const bool is_done = job_->go_on(Reach::kCached);
    note_time(before);
    if (is_done) return true;
  }
  off_loop_.start(std::move(job_));
  return false;
}

void FileReader::on_work_done(std::unique_ptr<OffLoop::Work> work) {
  job_.reset(static_cast<Job*>(work.release()));
  handler_.on_file_ready();
}

void FileReader::close() {
  off_loop_.cancel();
  if (job_ == nullptr) return;
  job_->fd.reset();
  job_->is_found = false;
  job_->entries.clear();
  if (job_->capacity == kSpareBytes && loop_.impl().file_buffer == nullptr)
    loop_.impl().file_buffer = std::move(job_->buffer);
  job_->buffer.reset();
  job_->capacity = job_->filled = job_->wanted = 0;
}

int FileReader::found() const {
  return job_ != nullptr && job_->is_found ? static_cast<int>(job_->at) : -1;
}
int FileReader::error() const {
  return job_ != nullptr ? job_->error : 0;
}
const FileFacts& FileReader::facts() const {
  static constexpr FileFacts kNothing;
  return job_ != nullptr && job_->is_found ? job_->facts : kNothing;
}
std::string_view FileReader::path() const {
  if (job_ == nullptr || job_->entries.empty()) return {};
  const Job::Entry& entry = job_->entries[std::min(job_->at, job_->entries.size() - 1)];
  return std::string_view(job_->paths).substr(entry.path, entry.size);
}
bool FileReader::is_open() const {
  return job_ != nullptr && job_->is_found && job_->fd.get() >= 0;
}
int FileReader::fd() const {
  return is_open() ? job_->fd.get() : -1;
}
std::string_view FileReader::bytes() const {
  return job_ != nullptr ? std::string_view(job_->buffer.get(), job_->filled) : std::string_view();
}
int64_t FileReader::bytes_at() const {
  return job_ != nullptr ? job_->offset : 0;
}

}  // namespace weir::io
