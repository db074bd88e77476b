#include "runtime/span_exporter.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "base/start_thread.h"
#include "base/system.h"
#include "fetch/curl_door.h"
#include "observe/otlp.h"

namespace weir::runtime {
namespace {

constexpr Millis kConnectTimeout{2'000}, kTimeout{10'000};
constexpr int kLook = 50;  // ms between two looks at the time
constexpr size_t kMostAnswer = 64 * 1024;

}  // namespace

struct SpanExporter::Impl {
  Impl(std::shared_ptr<observe::SpanQueue> of, MakeDoor make, const SpanRetry& again)
      : queue(std::move(of)), make_door(std::move(make)), retry(again) {}

  // How one try ended.
  struct Outcome {
    std::string error = {};           // empty: delivered
    uint64_t refused = 0;             // of those that were delivered
    std::optional<Millis> wait = {};  // before another try; none: there will be no other
  };

  void run();
  void send(const std::vector<observe::Span>& spans);
  Outcome deliver(const std::vector<observe::Span>& spans, const observe::SpanExport& to, int tries);
  Status<> append(const std::string& file, std::string text) const;
  Status<> wait_for_reader(int fd, MonoMs until) const;
  Outcome post(const std::string& text, const observe::SpanExport& to, size_t count, int tries);
  std::unique_ptr<fetch::HttpDoor> open_door(const observe::SpanExport& options) const;
  observe::SpanExport current() const;
  bool is_out_of_time() const;

  const std::shared_ptr<observe::SpanQueue> queue;
  const MakeDoor make_door;
  const SpanRetry retry;
  mutable std::mutex mutex;
  std::condition_variable changed;
  observe::SpanExport options;
  bool done = false;  // the thread has ended
  std::atomic<uint64_t> sent{0}, failed{0};
  std::atomic<MonoMs> give_up_at{0};  // 0: not ending
  // The thread's own.
  std::unique_ptr<fetch::HttpDoor> door;
  observe::SpanExport door_of;
  Rng rng{random_seed()};
  bool failing = false, losing = false;  // each is said once, and again when it is over
};

SpanExporter::SpanExporter(std::shared_ptr<observe::SpanQueue> queue, MakeDoor make_door, Millis patience,
                           const SpanRetry& retry)
    : queue_(queue),
      impl_(std::make_shared<Impl>(std::move(queue), std::move(make_door), retry)),
      patience_(patience) {}

void SpanExporter::configure(const observe::SpanExport& options) {
  if (!options.is_on() && !thread_.joinable()) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->options = options;
  }
  if (!thread_.joinable()) {
    Result<std::thread> thread = start_thread([impl = impl_] { impl->run(); });
    if (!thread) {
      queue_->configure(0, 0);
      log::error("otel exporter ", options.endpoint, ": no spans are sent until the next reload (", thread.error(),
                 ")");
      return;
    }
    thread_ = std::move(*thread);
  }
  queue_->configure(options.batch_size, options.is_on() ? options.batch_size * options.batch_count : 0);
}

void SpanExporter::stop() {
  if (!thread_.joinable()) return;
  impl_->give_up_at.store(monotonic_ms() + patience_.count(), std::memory_order_relaxed);
  queue_->end();
  std::unique_lock lock(impl_->mutex);
  const bool done = impl_->changed.wait_for(lock, patience_ + patience_ / 2, [this] { return impl_->done; });
  if (!done) log::warn("otel exporter ", impl_->options.endpoint, ": last spans lost (it does not answer)");
  lock.unlock();
  done ? thread_.join() : thread_.detach();
}

SpanExporter::Counts SpanExporter::counts() const {
  return {impl_->sent.load(std::memory_order_relaxed), queue_->dropped(), impl_->failed.load(std::memory_order_relaxed),
          queue_->waiting()};
}

observe::SpanExport SpanExporter::Impl::current() const {
  const std::lock_guard lock(mutex);
  return options;
}

bool SpanExporter::Impl::is_out_of_time() const {
  const MonoMs at = give_up_at.load(std::memory_order_relaxed);
  return at != 0 && monotonic_ms() > at;
}

std::unique_ptr<fetch::HttpDoor> SpanExporter::Impl::open_door(const observe::SpanExport& to) const {
  if (make_door) return make_door(to);
  return fetch::make_curl_door({.trusted_certificate = to.trusted_certificate,
                                .connect_timeout = kConnectTimeout,
                                .timeout = kTimeout,
                                .most_bytes = kMostAnswer,
                                .is_stopped = [this] { return is_out_of_time(); }});
}

void SpanExporter::Impl::run() {
  while (!queue->ended()) send(queue->take(current().interval));
  for (;;) {
    const std::vector<observe::Span> spans = queue->take_now();
    if (spans.empty()) break;
    if (is_out_of_time())
      failed.fetch_add(spans.size(), std::memory_order_relaxed);
    else
      send(spans);
  }
  const std::lock_guard lock(mutex);
  done = true;
  changed.notify_all();
}

// One message a line, as OpenTelemetry's file exporter has it. Opened each time: logrotate needs no signal. A FIFO that
// nobody reads is an error, one whose reader is slow is waited for as a collector is.
Status<> SpanExporter::Impl::append(const std::string& file, std::string text) const {
  text += '\n';
  const OwnedFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
  if (fd.get() < 0) return Unexpected{call_failed("open() \"" + file + "\"", errno)};
  const MonoMs until = monotonic_ms() + kTimeout.count();
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd.get(), text.data() + at, text.size() - at);
    if (n >= 0) {
      at += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      if (const Status<> ready = wait_for_reader(fd.get(), until); !ready)
        return Unexpected{"\"" + file + "\": " + ready.error()};
    } else if (errno != EINTR) {
      return Unexpected{call_failed("write() \"" + file + "\"", errno)};
    }
  }
  return Void{};
}

Status<> SpanExporter::Impl::wait_for_reader(int fd, MonoMs until) const {
  pollfd ready{fd, POLLOUT, 0};
  while (::poll(&ready, 1, kLook) <= 0)
    if (is_out_of_time() || monotonic_ms() > until) return Unexpected{std::string("its reader is too slow")};
  return Void{};
}

// The batch in hand is the only one: what comes meanwhile waits in the queue, up to its bound. At an end of weir there
// is one more try.
void SpanExporter::Impl::send(const std::vector<observe::Span>& spans) {
  if (spans.empty()) return;
  for (int tries = 1;;) {
    const bool is_last = queue->ended();
    const observe::SpanExport to = current();
    const Outcome outcome = deliver(spans, to, tries);
    if (outcome.error.empty()) {
      failed.fetch_add(outcome.refused, std::memory_order_relaxed);
      sent.fetch_add(spans.size() - outcome.refused, std::memory_order_relaxed);
      losing = false;
      if (std::exchange(failing, false)) log::notice("otel exporter ", to.endpoint, ": spans sent again");
      return;
    }
    if (!outcome.wait || is_last) {
      failed.fetch_add(spans.size(), std::memory_order_relaxed);
      failing = true;
      if (!std::exchange(losing, true)) log::warn("otel exporter ", to.endpoint, ": spans lost (", outcome.error, ")");
      return;
    }
    if (!std::exchange(failing, true))
      log::warn("otel exporter ", to.endpoint, ": spans not delivered (", outcome.error, "), sent again later");
    if (queue->pause(*outcome.wait)) ++tries;  // a burst of reloads does not use them up
  }
}

SpanExporter::Impl::Outcome SpanExporter::Impl::deliver(const std::vector<observe::Span>& spans,
                                                        const observe::SpanExport& to, int tries) {
  if (!to.is_on()) return {.error = "no otel_exporter any more"};
  std::string text = observe::spans_to_otlp(spans, to, host_name());
  if (!to.is_file()) return post(text, to, spans.size(), tries);
  const Status<> written = append(to.file(), std::move(text));
  return {.error = written ? std::string() : written.error()};
}

SpanExporter::Impl::Outcome SpanExporter::Impl::post(const std::string& text, const observe::SpanExport& to,
                                                     size_t count, int tries) {
  if (door == nullptr || !(door_of == to)) {
    door = open_door(to);
    door_of = to;
  }
  const Result<fetch::Answer> answer = door->ask({.method = "POST",
                                                  .url = to.endpoint,
                                                  .content_type = "application/json",
                                                  .accept = "application/json",
                                                  .fields = to.fields,
                                                  .body = text});
  if (!answer || answer->status != 200)
    return {.error = answer ? "status " + std::to_string(answer->status) : answer.error(),
            .wait = wait_before_retry(retry, tries, answer, wall_us(), rng)};
  const observe::OtlpRefusal refusal = observe::refusal_of_otlp(answer->body);
  if (refusal.spans > 0)
    log::info("otel exporter ", to.endpoint, ": ", refusal.spans, " spans refused (", refusal.why, ")");
  return {.refused = std::min<uint64_t>(refusal.spans, count)};
}

}  // namespace weir::runtime
