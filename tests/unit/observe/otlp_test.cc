// Spans on the wire: the names, types and forms that opentelemetry-proto's JSON has, and what a collector answers.
#include "observe/otlp.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::observe {
namespace {

using nlohmann::json;

Span example() {
  Span span;
  span.trace_id = "0af7651916cd43dd8448eb211c80319c";
  span.span_id = "b7ad6b7169203331";
  span.name = "/api/";
  span.started_us = 1'700'000'000'000'123;
  span.ended_us = 1'700'000'000'250'000;
  return span;
}

json one(const Span& span, const SpanExport& options = {}) {
  const json all = json::parse(spans_to_otlp({span}, options, "node.test"));
  return all.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").at(0);
}

TEST(OtlpTest, span_has_the_names_of_the_protocol) {
  Span span = example();
  span.set("url.path", "/api/x");
  span.set_number("http.response.status_code", 200);
  span.set_flag("weir.connection.reused", true);
  span.set_known("url.query", "");
  span.events.push_back({"connected", 1'700'000'000'001'000});
  const json got = one(span);
  EXPECT_EQ(got.at("traceId"), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(got.at("spanId"), "b7ad6b7169203331");
  EXPECT_FALSE(got.contains("parentSpanId"));
  EXPECT_EQ(got.at("kind"), 2);
  EXPECT_EQ(got.at("startTimeUnixNano"), "1700000000000123000");
  EXPECT_EQ(got.at("endTimeUnixNano"), "1700000000250000000");
  EXPECT_EQ(got.at("flags"), 0x101);
  EXPECT_EQ(got.at("status"), json::object());
  ASSERT_EQ(got.at("attributes").size(), 3u);
  EXPECT_EQ(got.at("attributes").at(0), json::parse(R"({"key":"url.path","value":{"stringValue":"/api/x"}})"));
  EXPECT_EQ(got.at("attributes").at(1).at("value"), json::parse(R"({"intValue":"200"})"));
  EXPECT_EQ(got.at("attributes").at(2).at("value"), json::parse(R"({"boolValue":true})"));
  EXPECT_EQ(got.at("events").at(0), json::parse(R"({"timeUnixNano":"1700000000001000000","name":"connected"})"));
}

TEST(OtlpTest, parent_and_failure_have_their_fields) {
  Span span = example();
  span.kind = Span::Kind::kClient;
  span.parent_id = "00f067aa0ba902b7";
  span.trace_state = "a=b";
  span.remote_parent = true;
  span.failed = true;
  span.why = "timeout";
  const json got = one(span);
  EXPECT_EQ(got.at("kind"), 3);
  EXPECT_EQ(got.at("parentSpanId"), "00f067aa0ba902b7");
  EXPECT_EQ(got.at("traceState"), "a=b");
  EXPECT_EQ(got.at("flags"), 0x301);
  EXPECT_EQ(got.at("status"), json::parse(R"({"code":2,"message":"timeout"})"));
}

TEST(OtlpTest, resource_and_scope_are_named_once) {
  SpanExport options;
  options.service_name = "shop";
  options.resource = {{"deployment.environment.name", "test"}};
  const json all = json::parse(spans_to_otlp({example(), example()}, options, "node.test"));
  const json& resource = all.at("resourceSpans").at(0);
  std::map<std::string, json> attributes;
  for (const json& each : resource.at("resource").at("attributes")) attributes[each.at("key")] = each.at("value");
  EXPECT_EQ(attributes.at("service.name").at("stringValue"), "shop");
  EXPECT_EQ(attributes.at("host.name").at("stringValue"), "node.test");
  EXPECT_EQ(attributes.at("deployment.environment.name").at("stringValue"), "test");
  EXPECT_TRUE(attributes.at("process.pid").contains("intValue"));
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("scope").at("name"), "weir");
  EXPECT_EQ(resource.at("scopeSpans").at(0).at("spans").size(), 2u);
}

TEST(OtlpTest, text_of_clients_stays_one_line_of_json) {
  Span span = example();
  span.set("user_agent.original", std::string("\xff\n\"\x01") + std::string(2 * Span::kLongestText, 'x'));
  const std::string text = spans_to_otlp({span}, {}, "node.test");
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const json all = json::parse(text);
  const std::string value = all.at("/resourceSpans/0/scopeSpans/0/spans/0/attributes/0/value/stringValue"_json_pointer);
  EXPECT_TRUE(value.starts_with("\xef\xbf\xbd\n\"\x01xxx"));
  EXPECT_EQ(value.size(), Span::kLongestText + 2);  // the replacement is two bytes longer than what it replaces
}

TEST(OtlpTest, refusal_of_a_collector_is_read) {
  EXPECT_EQ(refusal_of_otlp("{}").spans, 0u);
  EXPECT_EQ(refusal_of_otlp("").spans, 0u);
  EXPECT_EQ(refusal_of_otlp("[1]").spans, 0u);
  EXPECT_EQ(refusal_of_otlp(R"({"partialSuccess":{}})").spans, 0u);
  EXPECT_EQ(refusal_of_otlp(R"({"partialSuccess":{"rejectedSpans":-3}})").spans, 0u);
  EXPECT_EQ(refusal_of_otlp(R"({"partialSuccess":{"rejectedSpans":7}})").spans, 7u);
  const OtlpRefusal text = refusal_of_otlp(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}})");
  EXPECT_EQ(text.spans, 3u);
  EXPECT_EQ(text.why, "too old");
}

}  // namespace
}  // namespace weir::observe
