#include "cache/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/owned_fd.h"
#include "base/system.h"

namespace weir::cache {
namespace {

constexpr size_t kPiece = 256 * 1024;  // so much is given to the disk at once
static_assert(Disk::kMostBytes == 64 * 1024 * 1024);
constexpr std::string_view kDiskIsBehind = "64 MB wait for its disk";

// 0 or an errno.
int write_all(int fd, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
    at += n;
  }
  return 0;
}

}  // namespace

struct Store::File {
  Zone::Found found;
  Digest digest;
  std::string key, vary, variant, reason, texts;
  StoredHead head;  // its texts are views of the strings above

  // The disk's thread alone, but for the path.
  std::string path;
  OwnedFd fd;
  off_t at = 0;  // behind the head, which comes last, as it tells the body's length
  std::string failure;
  std::atomic<bool> has_failed{false};  // any thread: there is a failure

  void fail(std::string why) {
    failure = std::move(why);
    has_failed.store(true, std::memory_order_relaxed);
  }
  void open() {
    fd = OwnedFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) fail(call_failed("open() \"" + path + "\"", errno));
  }
  void write(std::string_view bytes) {
    if (failure.empty() && fd.get() < 0) open();
    if (!failure.empty()) return;
    if (const int error = write_all(fd.get(), bytes, at)) fail(call_failed("write() \"" + path + "\"", error));
    at += static_cast<off_t>(bytes.size());
  }
  // How long it is; -1: the file is another one now.
  int64_t copy_body(const std::string& from, const std::string& old_head) {
    const OwnedFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    std::string piece(std::max(kPiece, old_head.size()), '\0');
    int64_t size = 0;
    off_t read_at = 0;
    for (bool checked = false; source.get() >= 0;) {
      const ssize_t n = ::pread(source.get(), piece.data(), checked ? piece.size() : old_head.size(), read_at);
      if (n < 0) return -1;
      if (!checked && std::string_view(piece).substr(0, static_cast<size_t>(n)) != old_head) return -1;
      read_at += n;
      if (std::exchange(checked, true)) {
        write(std::string_view(piece).substr(0, static_cast<size_t>(n)));
        size += n;
      } else {
        write({});
      }
      if (n == 0) return size;
    }
    return -1;
  }
  void remove() {
    if (fd.get() < 0) return;
    fd.reset();
    ::unlink(path.c_str());
  }
  void finish(Zone& zone, int64_t body_bytes) {
    head.body_bytes = body_bytes;
    if (failure.empty())
      if (const int error = write_all(fd.get(), encode(head), 0)) fail(call_failed("write() \"" + path + "\"", error));
    if (!failure.empty()) {
      remove();
      zone.not_written(digest, key, failure);
      return;
    }
    fd.reset();
    zone.take_in(path, digest, head, found);
  }
};

Store::Store(std::shared_ptr<Zone> zone, const Zone::Found& found, const StoredHead& head)
    : zone_(std::move(zone)), file_(std::make_shared<File>()), most_bytes_(zone_->max_size()) {
  File& file = *file_;
  file.found = found;
  file.key = head.key;
  file.vary = head.vary;
  file.variant = head.variant;
  file.reason = head.reason;
  file.digest = digest_of(head.key, head.vary, head.variant);
  file.head = head;
  file.head.key = file.key;
  file.head.vary = file.vary;
  file.head.variant = file.variant;
  file.head.reason = file.reason;
  size_t size = 0;
  for (const auto& [name, value] : head.fields) size += name.size() + value.size();
  file.texts.reserve(size);  // it must not move
  const auto keep = [&](std::string_view text) {
    const size_t begin = file.texts.size();
    file.texts += text;
    return std::string_view(file.texts).substr(begin);
  };
  for (auto& [name, value] : file.head.fields) {
    name = keep(name);
    value = keep(value);
  }
  file.at = static_cast<off_t>(encode(file.head).size());
  file.path = zone_->temporary_path();
  if (zone_->is_handed_over()) file_ = nullptr;
}

Store::~Store() {
  give_up();
}

void Store::give_up() {
  if (file_ == nullptr) return;
  Zone* const zone = zone_.get();  // it waits for its disk before it goes
  zone->disk().post(
      [file = std::move(file_), zone] {
        file->remove();
        zone->note_not_written(file->failure);
      },
      0);
  file_ = nullptr;
  buffer_ = {};
}

bool Store::keeps() const {
  return file_ != nullptr && !file_->has_failed.load(std::memory_order_relaxed);
}

void Store::add(std::string_view bytes) {
  if (file_ == nullptr) return;
  body_bytes_ += static_cast<int64_t>(bytes.size());
  if (body_bytes_ > most_bytes_) {
    zone_->note_dropped("it is larger than max_size");
    give_up();
    return;
  }
  buffer_.append(bytes);
  if (buffer_.size() >= kPiece) spill();
}

void Store::spill() {
  const size_t size = buffer_.size();
  const bool taken =
      zone_->disk().post([file = file_, bytes = std::exchange(buffer_, {})] { file->write(bytes); }, size);
  if (taken) return;
  zone_->note_dropped(kDiskIsBehind);
  give_up();
}

void Store::complete_with_body_of(std::string path, std::string head) {
  if (file_ == nullptr) return;
  zone_->begin_writing(file_->digest, file_->key);
  Zone* const zone = zone_.get();
  zone_->disk().post(
      [file = std::exchange(file_, nullptr), zone, path = std::move(path), head = std::move(head)] {
        const int64_t size = file->copy_body(path, head);
        if (size >= 0) return file->finish(*zone, size);
        file->remove();
        zone->not_written(file->digest, file->key, {});
      },
      0);
}

void Store::complete() {
  if (file_ == nullptr) return;
  zone_->begin_writing(file_->digest, file_->key);
  const size_t size = buffer_.size() + 1;
  Zone* const zone = zone_.get();  // it waits for its disk before it goes
  const bool taken = zone_->disk().post(
      [file = file_, zone, bytes = std::exchange(buffer_, {}), size = body_bytes_] {
        file->write(bytes);
        file->finish(*zone, size);
      },
      size);
  if (taken) {
    file_ = nullptr;
    return;
  }
  zone_->note_dropped(kDiskIsBehind);
  zone_->not_written(file_->digest, file_->key, {});
  give_up();
}

}  // namespace weir::cache
