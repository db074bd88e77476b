// A request's trace: who has begun it, whether it is recorded, and the spans that are made of it at its end. The names
// of attributes are OpenTelemetry's for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
#include "proxy/tracing.h"

#include <utility>

#include "base/arena_text.h"
#include "base/bytes.h"
#include "observe/span_queue.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using observe::Span;

template <size_t N>
std::string_view view(const std::array<char, N>& text) {
  return {text.data(), text.size()};
}

void set_method(Span& span, const http::RequestHead& head) {
  if (head.method == http::Method::kOther) {  // what clients make up is no name to group by
    span.set("http.request.method", "_OTHER");
    span.set("http.request.method_original", head.method_text);
  } else {
    span.set_known("http.request.method", head.method_text);
  }
}

// "10.0.0.1:13000", "[::1]:80", "unix:/run/app.sock", "app.example".
void set_address(Span& span, std::string_view address, std::string_view name, std::string_view port) {
  const size_t colon = address.rfind(':');
  const auto number = colon == std::string_view::npos ? std::nullopt : parse_decimal(address.substr(colon + 1));
  if (address.starts_with("unix:") || !number || address.find(']', colon) != std::string_view::npos) {
    span.set_known(name, address);
    return;
  }
  span.set(name, address.substr(0, colon));
  span.set_number(port, *number);
}

}  // namespace

// Of several fields none is to be believed.
std::optional<http::TraceContext> Exchange::trace_of_client() const {
  std::optional<http::TraceContext> of_client;
  int fields = 0;
  for (const http::Field& field : request_.head.fields)
    if (iequals(field.name, "traceparent") && ++fields == 1) of_client = http::parse_traceparent(field.value);
  return fields == 1 ? of_client : std::nullopt;
}

// The trace that the client has begun goes on with a span of weir's own; else, or where otel_trace_context does not
// have it, it begins here, and is not recorded by whoever asks the flags.
const http::TraceContext& Exchange::trace() const {
  if (has_trace_) return trace_;
  has_trace_ = true;
  trace_continues_ = continues_trace();
  const std::optional<http::TraceContext> of_client = trace_continues_ ? trace_of_client() : std::nullopt;
  has_parent_ = of_client.has_value();
  if (of_client) {
    trace_ = *of_client;
    parent_span_ = of_client->span_id;
    parent_sampled_ = of_client->is_sampled();
  } else {
    write_random_hex(trace_.trace_id);
    trace_.flags = {'0', '0'};
  }
  write_random_hex(trace_.span_id);
  return trace_;
}

bool Exchange::continues_trace() const {
  return location_ == nullptr || !location_->tracing.is_set() || location_->tracing.extracts();
}

// A step of the server's may have asked for the trace before: whose it is, is for the location to say, until a peer has
// been told. What the step was given is of no trace then.
void Exchange::reconsider_trace() {
  if (trace_decided_ || record_.attempts.size() > 0) return;
  if (trace_continues_ != continues_trace()) has_trace_ = false;
}

// Once, at the first location that has an opinion: what an internal redirect leads to does not change it, as in nginx.
void Exchange::decide_tracing() {
  if (trace_decided_ || nested_ > 0) return;
  trace_decided_ = true;
  const std::string_view said = location_->tracing.when.render(*this, arena_);
  traced_ = said == "on" || said == "1";
  (void)trace();
  trace_.flags = {'0', traced_ ? '1' : '0'};
}

char* Exchange::inject_trace(http::FieldList& fields) {
  if (nested_ > 0) return nullptr;
  http::TraceContext context = trace();
  // Nothing here has a span that a peer's could be below: the client's stays the parent.
  if (!location_->tracing.on && has_parent_) context.span_id = parent_span_;
  const std::string_view text = context.render(arena_);
  char* const copy = arena_.allocate(text.size());
  std::copy(text.begin(), text.end(), copy);
  fields.add_clean("traceparent", {copy, text.size()}, http::HeaderToken::kOther);
  return traced_ ? copy + http::TraceContext::kSpanIdAt : nullptr;
}

void Exchange::make_spans() {
  const std::shared_ptr<observe::SpanQueue>& queue = epoch_->site().spans;
  if (queue == nullptr || !queue->is_on()) return;
  const int64_t now = core_.loop().now_us(), to_wall = core_.loop().wall_us() - now;
  std::vector<Span> spans(1);
  describe(spans.front());
  spans.front().started_us = record_.started_us + to_wall;
  spans.front().ended_us = now + to_wall;
  for (int i = 0; i < record_.attempts.size(); ++i) {
    const observe::Attempt& attempt = record_.attempts[i];
    if (!attempt.asked) continue;  // no peer could be had
    Span& span = spans.emplace_back();
    span.trace_id = spans.front().trace_id;
    span.parent_id = spans.front().span_id;
    span.span_id = view(http::child_span_id(trace_.span_id, static_cast<uint64_t>(i) + 1));
    span.kind = Span::Kind::kClient;
    span.started_us = attempt.started_us + to_wall;
    span.ended_us = (attempt.ended_us < 0 ? now : attempt.ended_us) + to_wall;
    describe(span, attempt, i);
    if (attempt.connected_us >= 0 && !attempt.reused)
      span.events.push_back({"connected", attempt.connected_us + to_wall});
    if (attempt.header_us >= 0) span.events.push_back({"response head", attempt.header_us + to_wall});
  }
  queue->push(std::move(spans));
}

void Exchange::describe(Span& span) {
  const TraceOptions& options = location_->tracing;
  const http::RequestHead& head = request_.head;
  const ConnectionInfo& connection = downstream_->connection();
  span.trace_id = view(trace_.trace_id);
  span.span_id = view(trace_.span_id);
  if (has_parent_) span.parent_id = view(parent_span_);
  span.remote_parent = has_parent_;
  if (has_parent_)
    if (const http::Field* state = head.fields.find("tracestate"); state != nullptr) span.trace_state = state->value;
  span.name = options.name.empty() ? std::string_view(location_->pattern) : options.name.render(*this, arena_);
  set_method(span, head);
  span.set_known("url.scheme", connection.scheme());
  const std::string_view path = head.target.starts_with('/') ? head.target.substr(0, head.target.find('?')) : uri_;
  span.set_known("url.path", path);
  span.set_known("url.query", head.query);
  span.set_known("http.route", location_->pattern);
  span.set_known("server.address", head.host);
  if (const uint16_t port = downstream_->local_port(); port != 0) span.set_number("server.port", port);
  span.set_known("client.address", ip_text(client_, arena_));
  span.set_known("network.peer.address", ip_text(connection.remote, arena_));
  if (connection.remote.port() != 0) span.set_number("network.peer.port", connection.remote.port());
  if (!head.request_line.empty()) span.set("network.protocol.version", http::to_string(head.version).substr(5));
  if (const http::Field* agent = head.fields.find("user-agent"); agent != nullptr)
    span.set("user_agent.original", agent->value);
  if (request_.body_bytes > 0) span.set_number("http.request.body.size", static_cast<int64_t>(request_.body_bytes));
  span.set_number("http.response.body.size", static_cast<int64_t>(record_.body_bytes_sent));
  if (record_.status != 0) span.set_number("http.response.status_code", record_.status);
  // A client that goes is its own affair.
  const bool broken = record_.error != ErrorKind::kNone && traits(record_.error).side != Side::kClient;
  span.failed = broken || record_.status >= 500;
  if (broken) span.why = traits(record_.error).reason;
  if (span.failed) span.set("error.type", broken ? span.why : std::to_string(record_.status));
  for (const TraceOptions::Attribute& each : options.attributes) span.set(each.key, each.value.render(*this, arena_));
}

void Exchange::describe(Span& span, const observe::Attempt& attempt, int index) {
  span.name = request_.head.method_text;
  set_method(span, request_.head);
  set_address(span, attempt.peer, "server.address", "server.port");
  set_address(span, attempt.peer, "network.peer.address", "network.peer.port");
  if (index > 0) span.set_number("http.request.resend_count", index);
  if (attempt.status > 0) span.set_number("http.response.status_code", attempt.status);
  span.set_flag("weir.connection.reused", attempt.reused);
  const bool broken = attempt.error != ErrorKind::kNone && traits(attempt.error).side != Side::kClient;
  span.failed = broken || attempt.status >= 400;
  if (broken) span.why = traits(attempt.error).reason;
  if (span.failed) span.set("error.type", broken ? span.why : std::to_string(attempt.status));
}

}  // namespace weir::proxy
