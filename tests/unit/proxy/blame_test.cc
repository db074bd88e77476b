// Which answers of a peer take it out, and which are the request's own affair.
#include "rig.h"

namespace weir::proxy {
namespace {

class Blame : public Rig {
 protected:
  // A GET whose first peer answers that; what the client gets.
  std::string ask_and_answer(std::string_view response) {
    connect();
    ask(kGet);
    while (!world_.connecting.empty()) tell(peer(), response);
    return answered();
  }
  bool is_out(const std::string& name) { return state(name).passive.ejected_until() != 0; }
  bool any_out() { return is_out("app/10.0.0.1:13000") || is_out("app/10.0.0.2:13000"); }
  void advance(MonoMs ms) {
    world_.now += ms;
    world_.loop.turn(false);
  }
};

TEST_F(Blame, invalid_answer_is_502_without_blame) {
  serve_app();
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    for (int i = 0; i < 4; ++i) {
      const std::string text = ask_and_answer(answer);
      EXPECT_TRUE(has(text, "502 Bad Gateway")) << text;
    }
  }
  EXPECT_FALSE(any_out());
}

TEST_F(Blame, odd_but_whole_answers_pass) {
  serve_app();
  EXPECT_TRUE(has(ask_and_answer("HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok"), "HTTP/1.1 799 Odd\r\n"));
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.responses[4].load(), 1U);
  const std::string text = ask_and_answer("HTTP/1.1 200 OK\nX: y\nContent-Length: 2\nContent-Length: 2\n\nok");
  EXPECT_TRUE(has(text, "200 OK\r\n")) << text;
  EXPECT_TRUE(has(text, "X: y\r\n")) << text;
  EXPECT_EQ(text.find("Content-Length"), text.rfind("Content-Length")) << text;
  EXPECT_FALSE(any_out());
}

TEST_F(Blame, timeout_does_not_outvote_a_passing_check) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).read_timeout = Millis(1'000); });
  for (const char* name : {"app/10.0.0.1:13000", "app/10.0.0.2:13000"}) state(name).check_passes = true;
  const auto slow = [&] {
    auto client = another("POST /slow HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
    if (!world_.connecting.empty()) peer();  // else it is on a pooled connection
    advance(1'010);
    return client->outbound;
  };
  EXPECT_TRUE(has(slow(), "504")) << "to the first peer";
  slow();
  slow();
  slow();
  EXPECT_FALSE(any_out());
  // An answer between them: the path is slow, not the node.
  EXPECT_TRUE(has(ask_and_answer(kOk), "200 OK"));
  EXPECT_TRUE(has(ask_and_answer(kOk), "200 OK"));
  for (int i = 0; i < 4; ++i) slow();
  EXPECT_FALSE(any_out());
  slow();
  EXPECT_TRUE(any_out()) << "three in a row are the node's";
}

TEST_F(Blame, timeout_counts_without_a_check) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).read_timeout = Millis(1'000); });
  another("POST /slow HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
  peer();
  advance(1'010);
  EXPECT_TRUE(any_out());
}

// --- 1xx ------------------------------------------------------------------------------------------------------------

TEST_F(Blame, interim_answers_restart_the_read_timeout) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).read_timeout = Millis(1'000); });
  connect();
  ask(kGet);
  sim::Wire& node = peer();
  for (int i = 0; i < 20; ++i) {
    advance(900);
    tell(node, i % 2 == 0 ? "HTTP/1.1 102 Processing\r\n\r\n" : "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  }
  EXPECT_TRUE(has(answered(), "103 Early Hints"));
  advance(900);
  tell(node, "HTTP/1.1 100 Continue\r\n\r\n");
  tell(node, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(Blame, continue_does_not_restart_the_read_timeout) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).read_timeout = Millis(1'000); });
  const auto client = another("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
  sim::Wire& node = peer();
  advance(900);
  tell(node, "HTTP/1.1 100 Continue\r\n\r\n");
  advance(200);
  EXPECT_TRUE(has(client->outbound, "504")) << client->outbound;
}

TEST_F(Blame, no_other_peer_runs_a_request_after_its_hints) {
  serve_app();
  connect();
  ask(kGet);
  sim::Wire& node = peer();
  tell(node, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_TRUE(has(answered(), "103 Early Hints"));
  end(node);
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_TRUE(has(answered(), "502 Bad Gateway"));
}

// What was to be said instead of an answer that turns out to be broken is not said instead of the next peer's.
TEST_F(Blame, page_of_a_broken_answer_goes_with_it) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.intercept_errors = true;
    location.error_pages = {{.statuses = {401, 404}, .target = route::Template::literal("/page")}};
    location.retry.on.invalid_header = true;
    maker.returning("/page", 200, "page");
  });
  for (const std::string head : {"404 Not Found", "401 Unauthorized\r\nWWW-Authenticate: Basic realm=a"}) {
    SCOPED_TRACE(head);
    connect();
    ask(kGet);
    tell(peer(), "HTTP/1.1 " + head + "\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n");
    ASSERT_FALSE(world_.connecting.empty()) << answered();
    tell(peer(), kOk);
    const std::string text = answered();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nok")) << text;
    EXPECT_FALSE(has(text, "WWW-Authenticate")) << text;
    world_.core->pool().close_idle();
  }
}

// Answers the first response itself, and marks the others.
class AnswersFirst final : public filter::Filter {
 public:
  filter::Verdict on_response(filter::Context& context, http::ResponseHead& head) const override {
    if (responses++ == 0) {
      context.status = 503;
      return filter::Verdict::kAnswer;
    }
    head.fields.add("X-Marked", "yes", http::HeaderToken::kOther);
    return filter::Verdict::kContinue;
  }
  mutable int responses = 0;
};

TEST_F(Blame, filter_sees_the_answer_behind_a_broken_one) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.retry.on.invalid_header = true;
    add_filter(location, std::make_shared<AnswersFirst>());
  });
  connect();
  ask(kGet);
  tell(peer(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n");
  ASSERT_FALSE(world_.connecting.empty()) << answered();
  tell(peer(), kOk);
  const std::string text = answered();
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nok")) << text;
  EXPECT_TRUE(has(text, "X-Marked: yes\r\n")) << text;
}

}  // namespace
}  // namespace weir::proxy
