// Spans on their way out: a thread of its own sends them as OTLP, over HTTP or into a file (lb/design/0041). A
// collector that is slow or away costs spans, which are counted, and never a request.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "fetch/http.h"
#include "observe/span.h"
#include "observe/span_queue.h"

namespace weir::runtime {

class SpanExporter {
 public:
  // How collectors are reached; another one in tests. Asked for on the exporter's thread whenever the options change.
  using MakeDoor = std::function<std::unique_ptr<fetch::HttpDoor>(const observe::SpanExport&)>;

  explicit SpanExporter(std::shared_ptr<observe::SpanQueue> queue, MakeDoor make_door = {});
  // Sends what waits, for at most kLastSeconds.
  ~SpanExporter() { stop(); }
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // The configuration in force. The thread begins with the first that has an endpoint. Control thread, as stop().
  void configure(const observe::SpanExport& options);
  void stop();

  struct Counts {
    uint64_t sent = 0;
    uint64_t dropped = 0;  // the queue was full
    uint64_t failed = 0;   // not delivered, or refused by the collector
    size_t waiting = 0;
  };
  Counts counts() const;

 private:
  static constexpr int kLastSeconds = 2;

  void run();
  void send(const std::vector<observe::Span>& spans, const observe::SpanExport& options);
  Status<> post(const std::string& text, const observe::SpanExport& options, size_t count, uint64_t& refused);
  std::unique_ptr<fetch::HttpDoor> make_door(const observe::SpanExport& options) const;
  observe::SpanExport options() const;
  bool is_out_of_time() const;

  const std::shared_ptr<observe::SpanQueue> queue_;
  const MakeDoor make_door_;
  mutable std::mutex mutex_;
  observe::SpanExport options_;
  std::atomic<uint64_t> sent_{0}, failed_{0};
  std::atomic<int64_t> give_up_at_{0};  // Unix time, us; 0: not ending
  std::thread thread_;
  // The thread's own.
  std::unique_ptr<fetch::HttpDoor> door_;
  observe::SpanExport door_of_;
  bool failing_ = false;  // it is said once, and again when it is over
};

}  // namespace weir::runtime
