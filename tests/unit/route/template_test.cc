// Names of variables, compiling templates, rendering them.
#include "route/template.h"

#include <gtest/gtest.h>

#include <new>

#include "route/variable.h"
#include "unit/route/fake_source.h"

namespace weir::route {
namespace {

std::string error_of(std::string_view text, const VariableNames& names = {}) {
  auto result = Template::compile(text, names);
  return result ? "" : result.error();
}

std::string rendered(std::string_view text, const VariableSource& source, const VariableNames& names = {}) {
  auto result = Template::compile(text, names);
  EXPECT_TRUE(result) << text;
  Arena arena;
  return result ? std::string(result->render(source, arena)) : "";
}

TEST(Template, literal_text_is_rendered_without_a_copy) {
  const auto text = Template::compile("/static/", {});
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->is_literal());
  Arena arena;
  const std::string_view out = text->render(FakeSource(), arena);
  EXPECT_EQ(out, "/static/");
  EXPECT_EQ(out.data(), text->text().data());
  EXPECT_EQ(arena.heap_bytes(), 0u);
}

TEST(Template, empty_text_is_empty) {
  const auto text = Template::compile("", {});
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->empty());
  EXPECT_TRUE(Template().empty());
  EXPECT_FALSE(Template::literal("x").empty());
}

TEST(Template, a_literal_may_hold_dollars) {
  const Template text = Template::literal("$5");
  Arena arena;
  EXPECT_EQ(text.render(FakeSource(), arena), "$5");
}

TEST(Template, puts_variables_between_text) {
  FakeSource source;
  source.set(Var::kScheme, "https").set(Var::kHost, "a.example").set(Var::kRequestUri, "/x?y");
  EXPECT_EQ(rendered("$scheme://$host$request_uri", source), "https://a.example/x?y");
  EXPECT_EQ(rendered("[${host}]", source), "[a.example]");
  EXPECT_EQ(rendered("${host}name", source), "a.examplename");
  EXPECT_EQ(rendered("$host.", source), "a.example.");
}

TEST(Template, a_single_variable_is_not_copied) {
  FakeSource source;
  source.set(Var::kHost, "a.example");
  const auto text = Template::compile("$host", {});
  Arena arena;
  EXPECT_EQ(text->render(source, arena), "a.example");
  EXPECT_EQ(arena.heap_bytes(), 0u);
  EXPECT_FALSE(text->is_literal());
  EXPECT_EQ(text->text(), "$host");
}

TEST(Template, missing_variables_are_nothing) {
  EXPECT_EQ(rendered("<$host|$arg_x>", FakeSource()), "<|>");
  EXPECT_EQ(rendered("$host$uri", FakeSource()), "");
}

TEST(Template, more_parts_than_fit_on_the_stack) {
  FakeSource source;
  source.set(Var::kHost, "h");
  std::string text;
  std::string expected;
  for (int i = 0; i < 100; ++i) text += "$host-", expected += "h-";
  EXPECT_EQ(rendered(text, source), expected);
}

TEST(Template, a_capture_is_one_digit) {
  FakeSource source;
  source.capture(1, "one").capture(9, "nine");
  EXPECT_EQ(rendered("$1$9", source), "onenine");
  EXPECT_EQ(rendered("$10", source), "one0");
  EXPECT_EQ(rendered("${1}x", source), "onex");
  EXPECT_EQ(error_of("$0"), "unknown \"0\" variable");
}

TEST(Template, refuses_broken_syntax) {
  EXPECT_EQ(error_of("$"), "invalid variable name");
  EXPECT_EQ(error_of("a$ b"), "invalid variable name");
  EXPECT_EQ(error_of("${}"), "invalid variable name");
  EXPECT_EQ(error_of("${"), "invalid variable name");
  EXPECT_EQ(error_of("$$host"), "invalid variable name");
  EXPECT_EQ(error_of("${host"), "the closing bracket in \"host\" variable is missing");
  EXPECT_EQ(error_of("${host-x}"), "the closing bracket in \"host\" variable is missing");
}

TEST(VariableNames, knows_the_families) {
  const VariableNames names;
  const auto http = names.find("http_X_Forwarded_For");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->id, Var::kHttp);
  EXPECT_EQ(http->arg, "x-forwarded-for");
  EXPECT_EQ(http->token, http::HeaderToken::kXForwardedFor);
  const auto arg = names.find("arg_UserId");
  ASSERT_TRUE(arg);
  EXPECT_EQ(arg->id, Var::kArg);
  EXPECT_EQ(arg->arg, "UserId");
  EXPECT_EQ(names.find("cookie_a_b")->arg, "a_b");
  EXPECT_EQ(names.find("sent_http_location")->id, Var::kSentHttp);
  EXPECT_EQ(names.find("upstream_http_retry_after")->token, http::HeaderToken::kRetryAfter);
  EXPECT_EQ(names.find("upstream_cookie_sid")->id, Var::kUpstreamCookie);
  EXPECT_TRUE(names.find("http_"));  // nginx takes it: there is no such field
}

TEST(VariableNames, plain_names_win_over_families_and_know_no_case) {
  const VariableNames names;
  EXPECT_EQ(names.find("upstream_status")->id, Var::kUpstreamStatus);
  EXPECT_EQ(names.find("Remote_Addr")->id, Var::kRemoteAddr);
  EXPECT_EQ(names.find("request_method")->id, Var::kMethod);
}

TEST(VariableNames, a_declared_map_is_found_and_wins_over_a_family) {
  VariableNames names;
  const auto map = std::make_shared<Map>(Template::literal("x"), false, false);
  names.declare_map("http_version_class", map);
  const auto ref = names.find("http_version_class");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->id, Var::kMap);
  EXPECT_EQ(ref->map, map);
}

TEST(VariableNames, a_declared_capture_is_found) {
  VariableNames names;
  names.declare_capture("user");
  names.declare_capture("user");
  EXPECT_EQ(names.find("user")->id, Var::kNamedCapture);
  EXPECT_EQ(names.find("user")->arg, "user");
}

TEST(VariableNames, an_unknown_name_gets_a_suggestion_where_one_is_near) {
  VariableNames names;
  names.declare_capture("tenant");
  EXPECT_EQ(names.find("remote_adr").error(), "unknown \"remote_adr\" variable, did you mean \"remote_addr\"?");
  EXPECT_EQ(names.find("tennant").error(), "unknown \"tennant\" variable, did you mean \"tenant\"?");
  EXPECT_EQ(names.find("frobnicate").error(), "unknown \"frobnicate\" variable");
  EXPECT_EQ(names.find("").error(), "unknown \"\" variable");
}

TEST(VariableNames, unsupported_nginx_variables_are_named) {
  EXPECT_EQ(VariableNames().find("ssl_ech_status").error(),
            "unknown \"ssl_ech_status\" variable (known to nginx, not supported: weir has no Encrypted Client Hello)");
  EXPECT_EQ(VariableNames().find("geoip_city").error(),
            "unknown \"geoip_city\" variable (known to nginx, not supported)");
}

TEST(VariableNames, set_variables_have_a_slot_each) {
  VariableNames names;
  names.declare_set("one");
  names.declare_capture("lang");
  names.declare_set("Two");
  names.declare_set("ONE");
  names.declare_set("lang");
  names.declare_set("host");
  EXPECT_EQ(names.settable("one").value(), 0);
  EXPECT_EQ(names.settable("two").value(), 1);
  EXPECT_EQ(names.settable("lang").value(), 2);
  EXPECT_EQ(names.settable("args").value(), VariableNames::kArgs);
  const auto two = names.find("TWO");
  ASSERT_TRUE(two);
  EXPECT_EQ(two->id, Var::kSet);
  EXPECT_EQ(two->index, 1);
  EXPECT_EQ(names.find("host")->id, Var::kHost);
  EXPECT_EQ(names.settable("host").error(), "the duplicate \"host\" variable");
}

}  // namespace
}  // namespace weir::route
