#include "observe/otlp.h"

#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace weir::observe {
namespace {

using Json = nlohmann::ordered_json;

// Span.flags of trace.proto: W3C's flags in the low byte, then whether it is known who the parent is, and that it is
// another process.
constexpr uint32_t kSampled = 0x1, kKnowsParent = 0x100, kRemoteParent = 0x200;
constexpr int kStatusError = 2;

Json attribute(const std::string& key, const std::string& text) {
  return {{"key", key}, {"value", {{"stringValue", text}}}};
}

Json attribute(const SpanAttribute& from) {
  Json value;
  if (const auto* text = std::get_if<std::string>(&from.value)) return attribute(from.key, *text);
  if (const auto* number = std::get_if<int64_t>(&from.value)) value["intValue"] = std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&from.value)) value["boolValue"] = *flag;
  return {{"key", from.key}, {"value", std::move(value)}};
}

std::string nanos(int64_t us) {
  return std::to_string(us) + "000";
}

Json span(const Span& from) {
  Json out;
  out["traceId"] = from.trace_id;
  out["spanId"] = from.span_id;
  if (!from.trace_state.empty()) out["traceState"] = from.trace_state;
  if (!from.parent_id.empty()) out["parentSpanId"] = from.parent_id;
  out["flags"] = kSampled | kKnowsParent | (from.remote_parent ? kRemoteParent : 0);
  out["name"] = from.name;
  out["kind"] = static_cast<int>(from.kind);
  out["startTimeUnixNano"] = nanos(from.started_us);
  out["endTimeUnixNano"] = nanos(from.ended_us);
  out["attributes"] = Json::array();
  for (const SpanAttribute& each : from.attributes) out["attributes"].push_back(attribute(each));
  if (!from.events.empty()) out["events"] = Json::array();
  for (const SpanEvent& each : from.events)
    out["events"].push_back({{"timeUnixNano", nanos(each.at_us)}, {"name", std::string(each.name)}});
  out["status"] = Json::object();
  if (from.failed) out["status"]["code"] = kStatusError;
  if (!from.why.empty()) out["status"]["message"] = from.why;
  return out;
}

}  // namespace

std::string spans_to_otlp(const std::vector<Span>& spans, const SpanExport& options, std::string_view host_name) {
  Json resource = Json::array();
  resource.push_back(attribute("service.name", options.service_name));
  resource.push_back(attribute("host.name", std::string(host_name)));
  resource.push_back(attribute({"process.pid", int64_t{::getpid()}}));
  for (const auto& [key, value] : options.resource) resource.push_back(attribute(key, value));
  Json all = Json::array();
  for (const Span& each : spans) all.push_back(span(each));
  Json of_scope = {{"scope", {{"name", "weir"}, {"version", WEIR_VERSION}}}, {"spans", std::move(all)}};
  Json of_resource = {{"resource", {{"attributes", std::move(resource)}}}};
  of_resource["scopeSpans"] = Json::array({std::move(of_scope)});
  Json out;
  out["resourceSpans"] = Json::array({std::move(of_resource)});
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);  // what clients write need not be UTF-8
}

OtlpRefusal refusal_of_otlp(std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, false);
  OtlpRefusal refusal;
  if (!json.is_object()) return refusal;
  const auto partial = json.find("partialSuccess");
  if (partial == json.end() || !partial->is_object()) return refusal;
  if (const auto count = partial->find("rejectedSpans"); count != partial->end()) {
    if (count->is_number_unsigned()) refusal.spans = count->get<uint64_t>();
    if (count->is_string()) {
      const auto& text = count->get_ref<const std::string&>();
      std::from_chars(text.data(), text.data() + text.size(), refusal.spans);
    }
  }
  if (const auto why = partial->find("errorMessage"); why != partial->end() && why->is_string())
    refusal.why = why->get<std::string>();
  return refusal;
}

}  // namespace weir::observe
