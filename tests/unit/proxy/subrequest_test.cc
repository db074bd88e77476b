// A request of weir's own: an exchange that answers to an owner instead of a client's connection.
#include "proxy/subrequest.h"

#include "base/log.h"
#include "proxy/exchange.h"
#include "sim/inside.h"
#include "sim/messages.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;
using Take = Subrequest::Take;
using namespace std::string_literals;

// Runs until the test answers it.
struct Waiting final : ContentHandler {
  struct Run final : Content {
    void on_request_body(std::string_view) override {}
    void resume() override {}
    void resume_response(const Chain&) override {}
    bool wants_request_body() override { return true; }
    void abort(ErrorKind) override {}
    void end() override { exchange = nullptr; }
    Exchange* exchange = nullptr;
  };
  void begin(Exchange& exchange) const override {
    run->exchange = &exchange;
    exchange.run(*run);
  }
  std::unique_ptr<Run> run = std::make_unique<Run>();
};

class Subrequests : public Rig, protected SubrequestOwner {
 protected:
  Subrequests() : waiting_(std::make_shared<Waiting>()) {}
  ~Subrequests() override {
    sub_.reset();
    world_.core->close_all();
  }
  // A client's request that waits in /parent while the test starts subrequests of it.
  Exchange& parent(std::string_view fields = {}) {
    connect();
    ask("GET /parent?of=1 HTTP/1.1\r\nHost: app.test\r\n"s.append(fields).append("\r\n"));
    EXPECT_NE(waiting_->run->exchange, nullptr);
    if (waiting_->run->exchange == nullptr) std::abort();
    return *waiting_->run->exchange;
  }
  template <class Fill>
  void serve_with_parent(Fill&& fill) {
    serve([&](sim::SiteMaker& maker, int app) {
      maker.location("/parent").content = waiting_;
      fill(maker, app);
    });
  }
  void serve_with_parent() {
    serve_with_parent([](sim::SiteMaker& maker, int app) { maker.proxied("/app", app); });
  }
  void start(const Subrequest::Options& options) { sub_ = Subrequest::start(parent(), *this, options); }
  std::string body() const {
    std::string text;
    sub_->body().copy_to(text);
    return text;
  }
  void on_subrequest(Subrequest& subrequest) override {
    ++told_;
    if (!subrequest.is_over()) return;
    ++ends_;
    error_ = subrequest.error();
  }

  std::shared_ptr<Waiting> waiting_;
  std::unique_ptr<Subrequest> sub_;
  int told_ = 0;
  int ends_ = 0;
  ErrorKind error_ = ErrorKind::kNone;
};

TEST_F(Subrequests, local_answer_comes_at_the_end_of_the_turn) {
  serve_with_parent([](sim::SiteMaker& maker, int) { maker.returning("/page", 200, "text"); });
  start({.target = "/page", .take = Take::kWhole});
  EXPECT_TRUE(sub_->is_over());
  EXPECT_EQ(told_, 0) << "start() does not call back";
  world_.turn();
  world_.turn();
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kNone);
  EXPECT_EQ(sub_->status(), 200);
  EXPECT_EQ(sub_->length(), 4);
  EXPECT_EQ(body(), "text");
  ASSERT_NE(sub_->fields().find(http::HeaderToken::kContentType), nullptr);
  EXPECT_EQ(sub_->fields().find(http::HeaderToken::kContentType)->value, "text/plain");
}

TEST_F(Subrequests, peer_is_asked_with_the_head_of_the_parent) {
  serve_with_parent([](sim::SiteMaker& maker, int app) {
    Location& check = maker.proxied("/app", app);
    check.set_headers.push_back({"X-Original", http::HeaderToken::kOther,
                                 *route::Template::compile("$request_method $request_uri $uri $args", {})});
  });
  start({.target = "/app/check?a=b"});
  sim::Wire& asked = peer();
  EXPECT_TRUE(asked.outbound.starts_with("GET /app/check?a=b HTTP/1.1\r\nHost: app.test\r\n")) << asked.outbound;
  EXPECT_TRUE(has(asked.outbound, "\r\nX-Original: GET /parent?of=1 /app/check a=b\r\n")) << asked.outbound;
  EXPECT_TRUE(has(asked.outbound, "\r\nX-Forwarded-For: 192.0.2.1\r\n"));
}

TEST_F(Subrequests, fields_of_the_parents_body_stay_behind) {
  serve_with_parent();
  connect();
  ask("POST /parent HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\nX-Key: 1\r\n\r\nhi");
  ASSERT_NE(waiting_->run->exchange, nullptr);
  sub_ = Subrequest::start(*waiting_->run->exchange, *this, {.target = "/app"});
  const std::string asked = peer().outbound;
  EXPECT_TRUE(has(asked, "\r\nX-Key: 1\r\n")) << asked;
  EXPECT_FALSE(has(asked, "Content-Length")) << asked;
  EXPECT_FALSE(has(asked, "Expect")) << asked;
  EXPECT_TRUE(asked.ends_with("\r\n\r\n"));
}

TEST_F(Subrequests, given_body_reaches_the_peer_with_its_length) {
  serve_with_parent();
  Chain given(world_.loop.chunks());
  const std::string text(70'000, 'x');  // more than client_body_buffer_size
  given.append(text);
  start({.method = "POST", .target = "/app", .body = &given});
  given.clear();
  const std::string asked = peer().outbound;
  EXPECT_TRUE(asked.starts_with("POST /app HTTP/1.1\r\n"));
  EXPECT_TRUE(has(asked, "\r\nContent-Length: 70000\r\n"));
  EXPECT_TRUE(asked.ends_with("\r\n\r\n" + text));
}

TEST_F(Subrequests, streamed_body_stops_its_peer_at_the_room) {
  serve_with_parent();
  start({.target = "/app", .take = Take::kStream});
  sim::Wire& from = peer();
  tell(from, "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
  world_.turn();
  EXPECT_EQ(told_, 1) << "of the head";
  EXPECT_EQ(sub_->length(), 300'000);
  const std::string all = sim::body_of("0123456", 300'000);
  size_t sent = 0;
  while (from.reading) {
    tell(from, std::string_view(all).substr(sent, 50'000));
    sent += 50'000;
  }
  EXPECT_EQ(sent, 150'000U) << "Downstream::kRoom and a read";
  EXPECT_EQ(sub_->body().size(), sent);
  std::string got = body();
  sub_->consume(got.size());
  EXPECT_FALSE(from.reading) << "consume() does not call the source";
  world_.turn();
  EXPECT_TRUE(from.reading);
  while (sent < all.size()) {
    tell(from, std::string_view(all).substr(sent, 50'000));
    sent += 50'000;
    got += body();
    sub_->consume(sub_->body().size());
    world_.turn();
  }
  EXPECT_EQ(got, all);
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kNone);
}

TEST_F(Subrequests, body_beyond_the_most_breaks_off_a_whole_answer) {
  serve_with_parent();
  start({.target = "/app", .take = Take::kWhole, .most = 10});
  sim::Wire& from = peer();
  tell(from, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789");
  EXPECT_FALSE(sub_->is_over());
  tell(from, "0");
  EXPECT_TRUE(from.closed);
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(error_, ErrorKind::kLocalError);
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.failures.load(), 0U) << "the peer is not blamed";
}

TEST_F(Subrequests, body_is_thrown_away_where_the_head_is_enough) {
  serve_with_parent();
  start({.target = "/app"});
  sim::Wire& from = peer();
  tell(from, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 200000\r\n\r\n");
  world_.turn();
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(sub_->status(), 401);
  ASSERT_NE(sub_->fields().find("WWW-Authenticate"), nullptr);
  tell(from, std::string(200'000, 'x'));
  EXPECT_EQ(sub_->body().size(), 0U);
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_FALSE(from.closed) << "the connection is kept";
}

TEST_F(Subrequests, broken_answer_ends_with_its_error) {
  serve_with_parent();
  start({.target = "/app", .take = Take::kStream});
  sim::Wire& from = peer();
  tell(from, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123");
  end(from);
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kResetMidResponse);
  EXPECT_EQ(body(), "0123");
}

TEST_F(Subrequests, silent_location_ends_without_a_status) {
  serve_with_parent([](sim::SiteMaker& maker, int) { maker.returning("/silent", 444); });
  start({.target = "/silent"});
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(sub_->status(), 0);
}

TEST_F(Subrequests, destroyed_one_closes_its_connection_and_is_silent) {
  serve_with_parent();
  start({.target = "/app"});
  sim::Wire& from = peer();
  sub_.reset();
  EXPECT_TRUE(from.closed);
  world_.turn();
  EXPECT_EQ(told_, 0);
  EXPECT_EQ(state("app/10.0.0.1:13000").inflight.load(), 0U);
  waiting_->run->exchange->answer(204);
  EXPECT_TRUE(has(answered(), "204 No Content")) << "the parent goes on";
}

TEST_F(Subrequests, end_of_the_parent_ends_its_subrequest) {
  serve_with_parent();
  start({.target = "/app"});
  sim::Wire& from = peer();
  end(*client_);
  EXPECT_TRUE(from.closed);
  EXPECT_TRUE(sub_->is_over());
  EXPECT_EQ(told_, 0);
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kClientClosed);
}

TEST_F(Subrequests, detached_subrequest_outlives_its_parent) {
  serve_with_parent([](sim::SiteMaker& maker, int app) {
    maker.proxied("/app", app)
        .set_headers.push_back(
            {"X-Where", http::HeaderToken::kOther, *route::Template::compile("$remote_addr $server_addr", {})});
  });
  start({.target = "/app", .outlives_parent = true});
  end(*client_);
  EXPECT_FALSE(sub_->is_over());
  sim::Wire& from = peer();
  EXPECT_TRUE(has(from.outbound, "\r\nX-Where: 192.0.2.1 127.0.0.1\r\n")) << from.outbound;
  tell(from, kOk);
  world_.turn();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kNone);
  EXPECT_EQ(sub_->status(), 200);
}

TEST_F(Subrequests, worker_stop_ends_every_subrequest) {
  serve_with_parent();
  start({.target = "/app", .outlives_parent = true});
  world_.core->close_all();
  EXPECT_EQ(ends_, 1);
  EXPECT_EQ(error_, ErrorKind::kClientClosed);
}

TEST_F(Subrequests, snapshot_of_the_parent_is_kept_to_the_end) {
  serve_with_parent();
  start({.target = "/app", .outlives_parent = true});
  end(*client_);
  serve_app();
  EXPECT_EQ(world_.core->live_epochs(), 2);
  tell(peer(), kOk);
  world_.turn();
  EXPECT_EQ(world_.core->live_epochs(), 1);
}

TEST_F(Subrequests, internal_location_is_open_to_subrequests_alone) {
  serve_with_parent([](sim::SiteMaker& maker, int) { maker.returning("/only", 200, "inside").internal = true; });
  connect();
  ask("GET /only HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_TRUE(has(answered(), "404 Not Found"));
  start({.target = "/only", .take = Take::kWhole});
  EXPECT_EQ(sub_->status(), 200);
  EXPECT_EQ(body(), "inside");
}

TEST_F(Subrequests, access_log_and_client_counters_ignore_them) {
  serve_with_parent([](sim::SiteMaker& maker, int) { maker.returning("/page", 200, "text"); });
  start({.target = "/page"});
  EXPECT_TRUE(sub_->is_over());
  EXPECT_TRUE(logged().empty());
  EXPECT_EQ(world_.count(Counter::kRequests), 1U) << "the parent";
  EXPECT_EQ(world_.count(Counter::kResponses2xx), 0U);
}

TEST_F(Subrequests, waiting_one_leaves_a_peer_that_goes_down) {
  serve_with_parent();
  start({.target = "/app"});
  sim::Wire& hung = peer();
  state("app/10.0.0.1:13000").check_down = true;
  world_.core->peer_down(state("app/10.0.0.1:13000"));
  EXPECT_TRUE(hung.closed);
  tell(peer(), kOk);
  world_.turn();
  EXPECT_EQ(sub_->status(), 200);
}

TEST_F(Subrequests, upgrade_of_the_parent_is_not_asked_for) {
  serve_with_parent();
  start({.target = "/app"});
  waiting_->run->exchange->answer(204);
  answered();
  ask("GET /parent HTTP/1.1\r\nHost: app.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n");
  sub_ = Subrequest::start(*waiting_->run->exchange, *this, {.target = "/app"});
  sim::Wire& from = peer();
  EXPECT_FALSE(has(from.outbound, "Upgrade")) << from.outbound;
  tell(from, kSwitched);
  world_.turn();
  EXPECT_TRUE(sub_->is_over());
  EXPECT_EQ(sub_->status(), 502) << "a 101 that nobody asked for";
}

TEST_F(Subrequests, nesting_is_refused_at_its_limit) {
  sim::InsideRuns runs;
  size_t begun = 0;
  serve([&](sim::SiteMaker& maker, int) {
    maker.location("/cycle").content = std::make_shared<sim::InsideHandler>(runs, [&](Exchange&) {
      ++begun;
      return sim::InsideRun::Options{.target = "/cycle"};
    });
  });
  connect();
  EXPECT_TRUE(log::configure({}));
  ask("GET /cycle HTTP/1.1\r\nHost: app.test\r\n\r\n");
  for (int i = 0; i < 100; ++i) world_.turn();
  EXPECT_TRUE(log::configure({{"stderr", LogLevel::kNotice}}));
  EXPECT_EQ(begun, Subrequest::kMostNested + 1U);
  EXPECT_TRUE(has(answered(), "500 Internal Server Error"));
  runs.sweep();
  EXPECT_TRUE(runs.runs.empty());
}

TEST_F(Subrequests, answer_passes_from_one_location_to_another) {
  sim::InsideRuns runs;
  serve([&](sim::SiteMaker& maker, int app) {
    maker.proxied("/app", app);
    maker.location("/outer").content = std::make_shared<sim::InsideHandler>(
        runs, [](Exchange&) { return sim::InsideRun::Options{.target = "/app/inner"}; });
  });
  connect();
  ask("POST /outer HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  sim::Wire& from = peer();
  EXPECT_TRUE(from.outbound.starts_with("POST /app/inner HTTP/1.1\r\n")) << from.outbound;
  EXPECT_TRUE(from.outbound.ends_with("\r\n\r\nhello"));
  tell(from, "HTTP/1.1 201 Made\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nmade");
  world_.turn();
  const std::string got = answered();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 201 Created\r\n")) << got;
  EXPECT_TRUE(has(got, "\r\nX-A: 1\r\n"));
  EXPECT_TRUE(has(got, "\r\nContent-Length: 4\r\n"));
  EXPECT_TRUE(got.ends_with("\r\n\r\nmade"));
  EXPECT_EQ(logged().size(), 1U);
}

}  // namespace
}  // namespace weir::proxy
