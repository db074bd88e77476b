// What matches, what the operator reads when it does not, and which checks are the same.
#include "upstream/check.h"

#include <gtest/gtest.h>

#include <utility>

#include "unit/tls_certificates.h"

namespace weir::upstream {
namespace {

using Op = Match::Header::Op;

http::ResponseHead head_of(int status,
                           std::initializer_list<std::pair<std::string_view, std::string_view>> fields = {}) {
  http::ResponseHead head;
  head.status = status;
  for (const auto& [name, value] : fields) head.fields.add(name, value, http::header_token(name));
  return head;
}

std::shared_ptr<const Regex> regex(std::string_view pattern) {
  auto compiled = Regex::compile(pattern, false);
  return std::make_shared<const Regex>(std::move(compiled.value()));
}

Match header(Op op, std::string value = {}) {
  Match match;
  const bool pattern = op == Op::kMatches || op == Op::kMatchesNot;
  match.headers.push_back({"X-State", op, value, pattern ? regex(value) : nullptr});
  return match;
}

TEST(Match, accepts_any_answer_when_empty) {
  EXPECT_EQ(Match().mismatch_head(head_of(500)), "");
  EXPECT_EQ(Match().mismatch_body("anything"), "");
  EXPECT_FALSE(Match().needs_body());
}

TEST(Match, accepts_a_status_inside_its_ranges) {
  Match match;
  match.statuses = {{200, 200}, {300, 399}};
  EXPECT_EQ(match.mismatch_head(head_of(200)), "");
  EXPECT_EQ(match.mismatch_head(head_of(302)), "");
  EXPECT_EQ(match.mismatch_head(head_of(201)), "status 201");
  match.status_negated = true;
  EXPECT_EQ(match.mismatch_head(head_of(201)), "");
  EXPECT_EQ(match.mismatch_head(head_of(200)), "status 200");
}

TEST(Match, requires_or_forbids_a_header) {
  EXPECT_EQ(header(Op::kPresent).mismatch_head(head_of(200, {{"x-state", ""}})), "");
  EXPECT_EQ(header(Op::kPresent).mismatch_head(head_of(200)), "header X-State is missing");
  EXPECT_EQ(header(Op::kAbsent).mismatch_head(head_of(200)), "");
  EXPECT_EQ(header(Op::kAbsent).mismatch_head(head_of(200, {{"X-State", "a"}})), "header X-State is present");
}

TEST(Match, compares_a_headers_value) {
  EXPECT_EQ(header(Op::kEquals, "ready").mismatch_head(head_of(200, {{"X-State", "ready"}})), "");
  EXPECT_EQ(header(Op::kEquals, "ready").mismatch_head(head_of(200, {{"X-State", "busy"}})),
            "header X-State is \"busy\", not \"ready\"");
  EXPECT_EQ(header(Op::kEquals, "ready").mismatch_head(head_of(200)), "header X-State is missing");
  EXPECT_EQ(header(Op::kDiffers, "busy").mismatch_head(head_of(200)), "");
  EXPECT_EQ(header(Op::kDiffers, "busy").mismatch_head(head_of(200, {{"X-State", "busy"}})),
            "header X-State is \"busy\"");
}

TEST(Match, searches_a_headers_value) {
  EXPECT_EQ(header(Op::kMatches, "^re").mismatch_head(head_of(200, {{"X-State", "ready"}})), "");
  EXPECT_EQ(header(Op::kMatches, "^re").mismatch_head(head_of(200, {{"X-State", "busy"}})),
            "header X-State does not match \"^re\"");
  EXPECT_EQ(header(Op::kMatchesNot, "^b").mismatch_head(head_of(200)), "");
  EXPECT_EQ(header(Op::kMatchesNot, "^b").mismatch_head(head_of(200, {{"X-State", "busy"}})),
            "header X-State matches \"^b\"");
}

TEST(Match, looks_at_each_of_several_fields_of_a_name) {
  const auto both = head_of(200, {{"X-State", "busy"}, {"X-State", "ready"}});
  EXPECT_EQ(header(Op::kEquals, "ready").mismatch_head(both), "");
  EXPECT_EQ(header(Op::kDiffers, "ready").mismatch_head(both), "header X-State is \"ready\"");
}

TEST(Match, compares_or_searches_the_body) {
  Match exact;
  exact.bodies = {{false, "ok", nullptr}};
  EXPECT_TRUE(exact.needs_body());
  EXPECT_EQ(exact.mismatch_body("ok"), "");
  EXPECT_EQ(exact.mismatch_body("ok\n"), "body is not \"ok\"");
  exact.bodies[0].negated = true;
  EXPECT_EQ(exact.mismatch_body("ok"), "body is \"ok\"");

  Match found;
  found.bodies = {{false, "re.dy", regex("re.dy")}, {true, "error", regex("error")}};
  EXPECT_EQ(found.mismatch_body("all ready"), "");
  EXPECT_EQ(found.mismatch_body("busy"), "body does not match \"re.dy\"");
  EXPECT_EQ(found.mismatch_body("ready, one error"), "body matches \"error\"");
}

TEST(Match, fails_where_a_regex_gives_up) {
  const std::string hard = std::string(60, 'a') + "!";
  for (const Op op : {Op::kMatches, Op::kMatchesNot})
    EXPECT_EQ(header(op, "^(a+)+$").mismatch_head(head_of(200, {{"X-State", hard}})),
              "header X-State takes too many steps to match \"^(a+)+$\"");
  Match body;
  body.bodies = {{false, "^(a+)+$", regex("^(a+)+$")}};
  for (const bool negated : {false, true}) {
    body.bodies[0].negated = negated;
    EXPECT_EQ(body.mismatch_body(hard), "body takes too many steps to match \"^(a+)+$\"");
  }
}

TEST(Match, quotes_a_bounded_part_of_a_body) {
  const std::string why = header(Op::kEquals, "a").mismatch_head(head_of(200, {{"X-State", std::string(500, 'x')}}));
  EXPECT_LT(why.size(), 120U);
  EXPECT_NE(why.find("...\""), std::string::npos);
}

TEST(Match, text_differs_for_different_matches) {
  Match a;
  a.statuses = {{200, 200}, {301, 399}};
  EXPECT_EQ(a.text(), "status 200 301-399; ");
  Match b = a;
  EXPECT_EQ(a.text(), b.text());
  b.status_negated = true;
  EXPECT_NE(a.text(), b.text());
  Match exact, search;
  exact.bodies = {{false, "ok", nullptr}};
  search.bodies = {{false, "ok", regex("ok")}};
  EXPECT_NE(exact.text(), search.text());
  Match one, two;
  one.headers = {{"A", Op::kEquals, "b; header 1:C = 1:d ", nullptr}};
  two.headers = {{"A", Op::kEquals, "b", nullptr}, {"C", Op::kEquals, "d", nullptr}};
  EXPECT_NE(one.text(), two.text());
}

TEST(CheckOptions, equal_when_question_and_rhythm_are_equal) {
  CheckOptions a, b;
  a.position = "a.conf:1:1";
  b.fail_open = true;
  b.health.mandatory = true;
  EXPECT_EQ(a.fingerprint(), b.fingerprint());
  b.health.interval = Millis(5000);
  EXPECT_NE(a.fingerprint(), b.fingerprint());
  EXPECT_EQ(a.question(), b.question());
  b.host = "app";
  EXPECT_NE(a.question(), b.question());
}

TEST(CheckOptions, question_stays_when_a_file_of_its_tls_changes) {
  io::TlsPeerOptions options;
  options.trusted_certificate = "ca.pem";
  const auto trusting = [&options](const test::TestCertificate& ca) {
    io::TlsReport report;
    CheckOptions check;
    check.tls = io::TlsPeerContext::make(
        options, [&ca](const std::string&) { return Result<std::string>(ca.pem()); }, report);
    return check;
  };
  const test::TestCertificate ca = test::make_certificate();
  const CheckOptions before = trusting(ca), after = trusting(test::make_certificate());
  EXPECT_EQ(before.question(), after.question());
  EXPECT_NE(before.fingerprint(), after.fingerprint());
  EXPECT_EQ(before.fingerprint(), trusting(ca).fingerprint());
  options.trusted_certificate = "other.pem";
  EXPECT_NE(before.question(), trusting(ca).question());
}

TEST(CheckOptions, differ_by_method_uri_port_match_or_type) {
  const CheckOptions plain;
  CheckOptions method, uri, port, match, tcp, kept;
  method.method = "HEAD";
  uri.uri = "/health";
  port.port = 9000;
  match.match = std::make_shared<Match>(header(Op::kPresent));
  tcp.type = CheckType::kTcp;
  kept.keepalive_time = Millis(60'000);
  for (const CheckOptions* other : {&method, &uri, &port, &match, &tcp, &kept})
    EXPECT_NE(plain.fingerprint(), other->fingerprint());
}

TEST(CheckOptions, have_a_name_for_the_operator) {
  CheckOptions check;
  check.uri = "/api/__health_check";
  EXPECT_EQ(check.label(), "http GET /api/__health_check");
  check.type = CheckType::kTcp;
  check.port = 9000;
  EXPECT_EQ(check.label(), "tcp port 9000");
}

}  // namespace
}  // namespace weir::upstream
