// sub_filter: texts are replaced wherever the body is cut.
#include "filter/substitute.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::filter {
namespace {

class HostVariable final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef& ref, Arena&) const override {
    if (ref.id == route::Var::kHost) return {"app.test", true};
    return {"", false};
  }
};

class Substitute : public testing::Test {
 protected:
  void add(std::string_view from, std::string_view to) {
    options_.list.push_back({*route::Template::compile(from, {}), *route::Template::compile(to, {})});
  }
  void begin() {
    if (state_ != nullptr) std::exchange(state_, nullptr)->~State();
    filter_ = make_substitute(options_);
    context_.emplace(Context{variables_, arena_, chunks_, {}, state_, client_, false});
    EXPECT_EQ(filter_->on_response(*context_, response_), Verdict::kContinue);
  }
  // What comes of a body that is cut after each `cut` bytes.
  std::string run(std::string_view body, size_t cut) {
    response_ = {};
    response_.status = 200;
    response_.framing = http::Framing::kChunked;
    response_.fields.add("Content-Type", "text/html; charset=utf-8", http::HeaderToken::kContentType);
    begin();
    if (!filter_->takes_response_body(state_)) return std::string(body);
    Chain out(chunks_);
    Sink sink(out);
    for (size_t at = 0; at < body.size(); at += cut)
      filter_->on_response_body(*context_, {body.substr(at, cut), true, false}, sink);
    filter_->on_response_body(*context_, {{}, true, true}, sink);
    std::string text;
    out.copy_to(text);
    return text;
  }
  void expect(std::string_view body, std::string_view result) {
    for (size_t cut = 1; cut <= body.size() + 1; ++cut)
      EXPECT_EQ(run(body, cut), result) << body << " cut after " << cut;
  }
  ~Substitute() override {
    if (state_ != nullptr) state_->~State();
  }

  HostVariable variables_;
  Arena arena_;
  ChunkPool chunks_;
  State* state_ = nullptr;
  SocketAddress client_;
  std::optional<Context> context_;
  SubstituteOptions options_;
  http::ResponseHead response_;
  std::shared_ptr<const Filter> filter_;
};

TEST_F(Substitute, text_is_replaced_once_by_default) {
  add("</head>", "<script></script></head>");
  expect("<head></head><body></head></body>", "<head><script></script></head><body></head></body>");
}

TEST_F(Substitute, text_is_replaced_everywhere_where_asked) {
  options_.once = false;
  add("aab", "x");
  expect("aaabaabaaab-aa", "axxax-aa");
}

TEST_F(Substitute, letters_are_compared_without_case) {
  options_.once = false;
  add("HTTP://Old.test", "https://new.test");
  expect("see http://OLD.test/a and HTTP://old.TEST/b", "see https://new.test/a and https://new.test/b");
}

TEST_F(Substitute, first_pattern_in_order_counts_at_a_place) {
  options_.once = false;
  add("abcd", "1");
  add("ab", "2");
  add("abc", "3");
  expect("abcd abce abx ab", "1 2ce 2x 2");
}

TEST_F(Substitute, begin_of_a_pattern_is_text_at_the_end) {
  add("pattern", "x");
  expect("patter", "patter");
  expect("papatpattern patt", "papatx patt");
}

TEST_F(Substitute, each_pattern_is_replaced_once) {
  add("a", "1");
  add("b", "2");
  expect("xabab", "x12ab");
}

TEST_F(Substitute, replacement_is_not_searched) {
  options_.once = false;
  add("a", "aa");
  add("b", "");
  expect("abab", "aaaa");
}

TEST_F(Substitute, variables_are_rendered_in_both) {
  options_.once = false;
  add("http://$host/", "//$host:8080/");
  add("$arg_none", "never");
  expect("http://APP.test/x", "//app.test:8080/x");
}

TEST_F(Substitute, body_stays_where_no_pattern_is_left) {
  add("$arg_none", "never");
  expect("text", "text");
  EXPECT_EQ(state_, nullptr);
}

TEST_F(Substitute, large_bodies_are_replaced_throughout) {
  options_.once = false;
  add("needle", "pin");
  std::string body;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    body += "hay needl needle ";
    expected += "hay needl pin ";
  }
  for (const size_t cut : {1UL, 5UL, 1000UL, 16'000UL, body.size()}) EXPECT_EQ(run(body, cut), expected);
}

class SubstituteHead : public Substitute {
 protected:
  SubstituteHead() {
    add("a", "b");
    response_.status = 200;
    response_.framing = http::Framing::kLength;
    response_.content_length = 10;
    response_.fields.add("Content-Type", "text/html", http::HeaderToken::kContentType);
    response_.fields.add("ETag", "\"x\"", http::HeaderToken::kEtag);
    response_.fields.add("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT", http::HeaderToken::kLastModified);
  }
  std::string field(std::string_view name) {
    const http::Field* found = response_.fields.find(name);
    return found == nullptr ? "-" : std::string(found->value);
  }
};

TEST_F(SubstituteHead, validators_and_length_go) {
  begin();
  EXPECT_EQ(response_.framing, http::Framing::kChunked);
  EXPECT_EQ(field("ETag"), "-");
  EXPECT_EQ(field("Last-Modified"), "-");
}

TEST_F(SubstituteHead, validators_stay_weak_where_asked) {
  options_.keep_last_modified = true;
  begin();
  EXPECT_EQ(field("ETag"), "W/\"x\"");
  EXPECT_NE(field("Last-Modified"), "-");
}

TEST_F(SubstituteHead, other_types_parts_and_empty_bodies_stay) {
  response_.status = 206;
  begin();
  response_.status = 200;
  response_.content_length = 0;
  begin();
  response_.content_length = 10;
  response_.fields.drop("Content-Type");
  begin();
  EXPECT_EQ(field("ETag"), "\"x\"");
  EXPECT_EQ(response_.framing, http::Framing::kLength);
  options_.types = std::make_shared<ContentTypes>(ContentTypes{.all = true, .names = {}});
  begin();
  EXPECT_EQ(field("ETag"), "-");
}

}  // namespace
}  // namespace weir::filter
