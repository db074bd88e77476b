// Spans on their way out: a thread of its own sends them as OTLP, over HTTP or into a file (lb/design/0041). A
// collector that is slow or away is asked again a few times, then it costs spans, which are counted, and never a
// request.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "fetch/http.h"
#include "observe/span.h"
#include "observe/span_queue.h"
#include "runtime/span_retry.h"

namespace weir::runtime {

class SpanExporter {
 public:
  // How collectors are reached; another one in tests. Asked for on the exporter's thread whenever the options change.
  using MakeDoor = std::function<std::unique_ptr<fetch::HttpDoor>(const observe::SpanExport&)>;

  static constexpr Millis kPatience{2'000};  // of stop()

  explicit SpanExporter(std::shared_ptr<observe::SpanQueue> queue, MakeDoor make_door = {}, Millis patience = kPatience,
                        const SpanRetry& retry = {});
  ~SpanExporter() { stop(); }
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // The configuration in force. The thread begins with the first that has an endpoint; where there can be none, nothing
  // is sent, and the next configure() tries again. Control thread, as stop().
  void configure(const observe::SpanExport& options);
  // Sends what waits, once and for at most `patience`, and gives what is under way half of that to see it is over: a
  // thread that hangs then (a file on a disk that does not answer) is left to itself.
  void stop();

  struct Counts {
    uint64_t sent = 0;
    uint64_t dropped = 0;  // the queue was full
    uint64_t failed = 0;   // not delivered, or refused by the collector
    size_t waiting = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  const std::shared_ptr<observe::SpanQueue> queue_;
  const std::shared_ptr<Impl> impl_;  // shared with the thread
  const Millis patience_;
  std::thread thread_;
};

}  // namespace weir::runtime
