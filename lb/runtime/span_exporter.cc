#include "runtime/span_exporter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/owned_fd.h"
#include "base/system.h"
#include "fetch/curl_door.h"
#include "observe/otlp.h"

namespace weir::runtime {
namespace {

constexpr Millis kConnectTimeout{2'000}, kTimeout{10'000};
constexpr size_t kMostAnswer = 64 * 1024;

// One message a line, as OpenTelemetry's file exporter has it. Opened each time: logrotate needs no signal.
Status<> append(const std::string& file, std::string text) {
  text += '\n';
  const OwnedFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (fd.get() < 0) return Unexpected{call_failed("open() \"" + file + "\"", errno)};
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unexpected{call_failed("write() \"" + file + "\"", errno)};
    done += static_cast<size_t>(n);
  }
  return Void{};
}

}  // namespace

SpanExporter::SpanExporter(std::shared_ptr<observe::SpanQueue> queue, MakeDoor make_door)
    : queue_(std::move(queue)), make_door_(std::move(make_door)) {}

void SpanExporter::configure(const observe::SpanExport& options) {
  if (!options.is_on() && !thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    options_ = options;
  }
  queue_->configure(options.batch_size, options.is_on() ? options.batch_size * options.batch_count : 0);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void SpanExporter::stop() {
  if (!thread_.joinable()) return;
  give_up_at_.store(wall_us() + int64_t{kLastSeconds} * 1'000'000, std::memory_order_relaxed);
  queue_->end();
  thread_.join();
}

SpanExporter::Counts SpanExporter::counts() const {
  return {sent_.load(std::memory_order_relaxed), queue_->dropped(), failed_.load(std::memory_order_relaxed),
          queue_->waiting()};
}

observe::SpanExport SpanExporter::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

bool SpanExporter::is_out_of_time() const {
  const int64_t at = give_up_at_.load(std::memory_order_relaxed);
  return at != 0 && wall_us() > at;
}

std::unique_ptr<fetch::HttpDoor> SpanExporter::make_door(const observe::SpanExport& options) const {
  if (make_door_) return make_door_(options);
  return fetch::make_curl_door({.trusted_certificate = options.trusted_certificate,
                                .connect_timeout = kConnectTimeout,
                                .timeout = kTimeout,
                                .most_bytes = kMostAnswer,
                                .is_stopped = [this] { return is_out_of_time(); }});
}

void SpanExporter::run() {
  while (!queue_->ended()) {
    const std::vector<observe::Span> spans = queue_->take(options().interval);
    send(spans, options());
  }
  for (;;) {
    const std::vector<observe::Span> spans = queue_->take_now();
    if (spans.empty()) return;
    if (is_out_of_time())
      failed_.fetch_add(spans.size(), std::memory_order_relaxed);
    else
      send(spans, options());
  }
}

void SpanExporter::send(const std::vector<observe::Span>& spans, const observe::SpanExport& options) {
  if (spans.empty()) return;
  Status<> sent = Unexpected{std::string("no otel_exporter any more")};
  uint64_t refused = 0;
  if (options.is_on()) {
    std::string text = observe::spans_to_otlp(spans, options, host_name());
    sent = options.is_file() ? append(options.file(), std::move(text)) : post(text, options, spans.size(), refused);
  }
  if (!sent) refused = spans.size();
  failed_.fetch_add(refused, std::memory_order_relaxed);
  sent_.fetch_add(spans.size() - refused, std::memory_order_relaxed);
  if (!sent && !std::exchange(failing_, true))
    log::warn("otel exporter ", options.endpoint, ": spans lost (", sent.error(), ")");
  if (sent && std::exchange(failing_, false)) log::notice("otel exporter ", options.endpoint, ": spans sent again");
}

Status<> SpanExporter::post(const std::string& text, const observe::SpanExport& options, size_t count,
                            uint64_t& refused) {
  if (door_ == nullptr || !(door_of_ == options)) {
    door_ = make_door(options);
    door_of_ = options;
  }
  const auto answer = door_->ask({.method = "POST",
                                  .url = options.endpoint,
                                  .content_type = "application/json",
                                  .accept = "application/json",
                                  .fields = options.fields,
                                  .body = text});
  if (!answer) return Unexpected{answer.error()};
  if (answer->status != 200) return Unexpected{"status " + std::to_string(answer->status)};
  const observe::OtlpRefusal refusal = observe::refusal_of_otlp(answer->body);
  refused = std::min<uint64_t>(refusal.spans, count);
  if (refusal.spans > 0)
    log::info("otel exporter ", options.endpoint, ": ", refusal.spans, " spans refused (", refusal.why, ")");
  return Void{};
}

}  // namespace weir::runtime
