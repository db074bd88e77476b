// What becomes of one request in OpenTelemetry: a span of weir's own (SERVER) and one of each attempt (CLIENT). All
// text is owned: a span outlives its request and its snapshot.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace weir::observe {

struct SpanAttribute {
  std::string key;
  std::variant<std::string, int64_t, bool> value;
};

struct SpanEvent {
  std::string_view name;  // static
  int64_t at_us = 0;      // Unix time
};

struct Span {
  enum class Kind : uint8_t { kServer = 2, kClient = 3 };  // as on the wire
  static constexpr size_t kLongestText = 4096;             // of an attribute; the rest is cut

  std::string trace_id;   // lower-case hex, 32 digits
  std::string span_id;    // 16
  std::string parent_id;  // of the span that asked; empty: the trace begins here
  std::string trace_state;
  std::string name;
  Kind kind = Kind::kServer;
  bool remote_parent = false;  // that span is not weir's
  int64_t started_us = 0;      // Unix time, as the next
  int64_t ended_us = 0;
  bool failed = false;
  std::string why;  // it failed
  std::vector<SpanAttribute> attributes;
  std::vector<SpanEvent> events;

  void set(std::string_view key, std::string_view text) {
    attributes.push_back({std::string(key), std::string(text.substr(0, kLongestText))});
  }
  // Nothing is said of what is empty.
  void set_known(std::string_view key, std::string_view text) {
    if (!text.empty()) set(key, text);
  }
  void set_number(std::string_view key, int64_t number) { attributes.push_back({std::string(key), number}); }
  void set_flag(std::string_view key, bool flag) { attributes.push_back({std::string(key), flag}); }
};

// Where spans go, and when: otel_exporter, otel_service_name, otel_resource_attr.
struct SpanExport {
  std::string endpoint;  // "http://127.0.0.1:4318/v1/traces", https too, or "file:/var/log/spans.json"; empty: nowhere
  Millis interval{5'000};                                   // the longest that a span waits
  size_t batch_size = 512;                                  // spans in one message
  size_t batch_count = 4;                                   // messages that may wait; what comes beyond is dropped
  std::vector<std::pair<std::string, std::string>> fields;  // of the question's head
  std::string trusted_certificate;                          // a file of CAs; empty: the system's
  std::string service_name = "unknown_service:weir";
  std::vector<std::pair<std::string, std::string>> resource;  // attributes

  bool is_on() const { return !endpoint.empty(); }
  bool is_file() const { return endpoint.starts_with("file:"); }
  std::string file() const { return endpoint.substr(5); }
  bool operator==(const SpanExport&) const = default;
};

}  // namespace weir::observe
