// The seam of filters: order, answers, holds, bodies. On the simulation's fakes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "sim/world.h"

namespace weir::proxy {
namespace {

using filter::Context;
using filter::Verdict;

const SocketAddress kListen = sim::ip("127.0.0.1", 80);
constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: sim.test\r\n\r\n";

// What the test wants of each hook; `resumes` collects the ways on.
struct Script {
  Verdict request = Verdict::kContinue;
  Verdict response = Verdict::kContinue;
  Verdict request_body = Verdict::kContinue;
  Verdict response_body = Verdict::kContinue;
  int status = 403;
  std::string add;  // a field put into both heads
  bool takes_bodies = true;
  bool upper_case = false;
  std::string tail;          // put behind both bodies
  bool silent_tail = false;  // without a word to the heads
  int requests = 0, responses = 0, ends = 0, request_ends = 0, states = 0, destroyed = 0;
  std::vector<filter::Resume> resumes;
};

struct Seen final : filter::State {
  explicit Seen(Script& of) : script(of) { ++script.states; }
  ~Seen() override { ++script.destroyed; }
  Script& script;
  int requests = 0;
};

class Scripted final : public filter::Filter {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  Verdict on_request(Context& context, http::RequestHead& head) const override {
    ++script_.requests;
    ++context.state<Seen>(script_).requests;
    if (!script_.add.empty()) head.fields.add(script_.add, "seen", http::HeaderToken::kOther);
    if (!script_.tail.empty() && !script_.silent_tail) filter::drop_length(head);
    return tell(context, script_.request);
  }
  Verdict on_response(Context& context, http::ResponseHead& head) const override {
    ++script_.responses;
    if (!script_.add.empty()) head.fields.add(script_.add, "seen", http::HeaderToken::kOther);
    if (!script_.tail.empty() && !script_.silent_tail) filter::drop_length(head);
    return tell(context, script_.response);
  }
  bool takes_request_body(const filter::State*) const override { return script_.takes_bodies; }
  bool takes_response_body(const filter::State*) const override { return script_.takes_bodies; }
  Verdict on_request_body(Context& context, const filter::Piece& piece, filter::Sink& sink) const override {
    return change(context, piece, sink, script_.request_body, script_.request_ends);
  }
  Verdict on_response_body(Context& context, const filter::Piece& piece, filter::Sink& sink) const override {
    return change(context, piece, sink, script_.response_body, script_.ends);
  }

 private:
  Verdict change(Context& context, const filter::Piece& piece, filter::Sink& sink, Verdict& verdict, int& ends) const {
    if (const Verdict told = tell(context, verdict); told != Verdict::kContinue) return told;
    std::string text(piece.bytes);
    if (script_.upper_case)
      for (char& c : text) c = static_cast<char>(toupper(c));
    sink.write(text);
    if (piece.end) sink.write(script_.tail);
    ends += piece.end;
    return Verdict::kContinue;
  }
  Verdict tell(Context& context, Verdict& verdict) const {
    context.status = script_.status;
    if (verdict != Verdict::kSuspend) return verdict;
    script_.resumes.push_back(context.resume);
    verdict = Verdict::kContinue;  // the next time
    return Verdict::kSuspend;
  }
  Script& script_;
};

class Filters : public testing::Test {
 protected:
  Filters() : world_(log_.writer()) {
    EXPECT_TRUE(log::configure({}));
    sim::SiteMaker maker(shared_);
    const int app = maker.upstream("app", {"10.0.0.1"});
    Location& location = maker.proxied("/", app);
    location.buffers.on = false;  // so that little has a peer wait
    add_filter(location, std::make_shared<Scripted>(first_));
    add_filter(location, std::make_shared<Scripted>(second_));
    add_filter(maker.returning("/own", 200, "own"), std::make_shared<Scripted>(first_));
    Location& named = maker.location("@own", route::LocationKind::kNamed);
    named.returns.emplace().text = route::Template::literal("own");
    named.returns->status = 200;
    named.returns->has_text = true;
    for (const std::string page : {"/own", "@own"}) {
      Location& small = maker.proxied("/small" + page, app);
      small.max_body_bytes = 8;
      small.error_pages = {{.statuses = {413}, .target = route::Template::literal(page)}};
      add_filter(small, std::make_shared<Scripted>(first_));
    }
    world_.core->adopt(maker.make({kListen}));
    client_ = world_.accept(kListen);
  }
  void tell(sim::Wire& wire, std::string_view bytes) {
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }
  void turn() {
    world_.turn();
    while (peer_->deliver()) {
    }
  }
  void resume(Script& script) {
    const auto way_on = std::exchange(script.resumes, {});
    ASSERT_EQ(way_on.size(), 1U);
    way_on[0]();
  }
  void expect_closed_states() {
    EXPECT_EQ(first_.destroyed, first_.states);
    EXPECT_EQ(second_.destroyed, second_.states);
  }
  void answer(std::string_view bytes) {
    if (peer_ == nullptr) peer_ = world_.connecting.front()->succeed();
    tell(*peer_, bytes);
  }

  sim::LogFile log_;
  sim::Shared shared_;
  Script first_, second_;
  sim::World world_;
  std::shared_ptr<sim::Wire> client_;
  std::shared_ptr<sim::Wire> peer_;
};

TEST_F(Filters, change_request_and_response_in_order) {
  first_.add = "X-First";
  second_.add = "X-Second";
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_LT(peer_->outbound.find("X-First: seen"), peer_->outbound.find("X-Second: seen"));
  EXPECT_LT(client_->outbound.find("X-First: seen"), client_->outbound.find("X-Second: seen"));
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nok"));
  EXPECT_EQ(first_.ends, 1);
}

TEST_F(Filters, may_answer_before_a_peer_is_picked) {
  first_.request = Verdict::kAnswer;
  tell(*client_, kGet);
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_EQ(second_.requests, 0);
}

TEST_F(Filters, may_replace_the_answer_of_the_peer) {
  second_.response = Verdict::kAnswer;
  second_.status = 502;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(client_->outbound.find("secret"), std::string::npos);
}

TEST_F(Filters, hold_a_request_until_resumed) {
  first_.request = Verdict::kSuspend;
  tell(*client_, kGet);
  world_.turn();
  EXPECT_TRUE(world_.connecting.empty());
  ASSERT_EQ(first_.resumes.size(), 1U);
  first_.resumes[0]();
  EXPECT_EQ(first_.requests, 2) << "the same hook is called again";
  EXPECT_EQ(second_.requests, 1);
  answer("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 204 "));
}

TEST_F(Filters, held_request_that_grows_too_large_gets_its_page) {
  for (const std::string path : {"/small/own", "/small@own"}) {
    SCOPED_TRACE(path);
    first_.request = Verdict::kSuspend;
    tell(*client_, "POST " + path + " HTTP/1.1\r\nHost: sim.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    ASSERT_EQ(first_.resumes.size(), 1U);
    EXPECT_TRUE(client_->outbound.empty());
    tell(*client_, "5\r\nworld\r\n0\r\n\r\n");
    EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 413 ")) << client_->outbound;
    EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nown")) << client_->outbound;
    expect_closed_states();
    resume(first_);  // of a request that is over
    client_->outbound.clear();
  }
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(Filters, hold_a_response_with_its_begun_body) {
  second_.response = Verdict::kSuspend;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  answer("3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_TRUE(client_->outbound.empty());
  ASSERT_EQ(second_.resumes.size(), 1U);
  second_.resumes[0]();
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 200 "));
  EXPECT_NE(client_->outbound.find("6\r\nonetwo\r\n0\r\n\r\n"), std::string::npos) << client_->outbound;
}

TEST_F(Filters, rewrite_a_body) {
  first_.upper_case = true;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  answer("def");
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nABCDEF")) << client_->outbound;
}

TEST_F(Filters, a_late_resume_is_harmless) {
  first_.request = Verdict::kSuspend;
  tell(*client_, kGet);
  client_->fail(-ECONNRESET);  // the client leaves while the filter thinks
  world_.turn();
  EXPECT_EQ(world_.core->sessions(), 0U);
  first_.resumes[0]();
  auto other = world_.accept(kListen);
  tell(*other, kGet);  // the exchange lives again, as somebody else's
  first_.resumes[0]();
  EXPECT_EQ(first_.requests, 2);
}

TEST_F(Filters, peer_failure_during_a_hold_is_a_failed_try) {
  first_.response = Verdict::kSuspend;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  peer_->inbound_fin = true;
  while (peer_->deliver()) {
  }
  first_.resumes[0]();
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 502 ")) << client_->outbound;
}

TEST_F(Filters, response_end_comes_once_for_each_kind_of_body) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds = {
      {"no body", {"HTTP/1.1 204 No Content\r\n\r\n"}},
      {"empty body", {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
      {"length", {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "o", "k"}},
      {"late last chunk", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "0\r\n\r\n"}},
      {"empty chunked", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"}}};
  int expected = 0;
  for (const auto& [name, pieces] : kinds) {
    tell(*client_, kGet);
    for (const std::string& piece : pieces) answer(piece);
    EXPECT_EQ(first_.ends, ++expected) << name;
    EXPECT_EQ(second_.ends, expected) << name;
    EXPECT_EQ(first_.request_ends, expected) << name;
    expect_closed_states();
  }
}

TEST_F(Filters, large_body_passes_in_steps_of_a_turn) {
  tell(*client_, kGet);
  const std::string body(200 * 1024, 'x');
  answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  size_t before = client_->outbound.size();
  EXPECT_LT(before, 100U * 1024) << "the others wait meanwhile";
  int turns = 0;
  for (; second_.ends == 0 && turns < 10; ++turns) {
    turn();
    EXPECT_GT(client_->outbound.size(), before);
    EXPECT_LT(client_->outbound.size(), before + 100U * 1024);
    before = client_->outbound.size();
  }
  EXPECT_GT(turns, 1);
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\n" + body));
  expect_closed_states();
}

TEST_F(Filters, step_waits_for_a_client_that_reads_slowly) {
  tell(*client_, kGet);
  client_->room = 1000;
  const std::string body(400 * 1024, 'x');
  answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_EQ(first_.ends, 0) << "no more is made than a client may be owed";
  for (int i = 0; i < 40 && second_.ends == 0; ++i) {
    client_->grant(100 * 1024);
    turn();
  }
  client_->grant(1 << 20);
  turn();
  EXPECT_TRUE(client_->outbound.ends_with(body.substr(0, 1000)));
  expect_closed_states();
}

TEST_F(Filters, growing_filters_follow_each_other) {
  first_.tail = "1";
  second_.tail = "2";
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(client_->outbound.ends_with("4\r\nok12\r\n0\r\n\r\n")) << client_->outbound;
}

TEST_F(Filters, suspended_response_body_keeps_its_end) {
  second_.response_body = Verdict::kSuspend;
  second_.tail = "!";
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(second_.ends, 0);
  EXPECT_FALSE(client_->outbound.ends_with("0\r\n\r\n"));
  EXPECT_FALSE(peer_->closed);
  EXPECT_EQ(shared_.peers.begin()->second->inflight.load(), 0U) << "the peer is free meanwhile";
  resume(second_);
  EXPECT_TRUE(client_->outbound.ends_with("3\r\nok!\r\n0\r\n\r\n")) << client_->outbound;
  expect_closed_states();
}

TEST_F(Filters, suspended_response_body_pauses_the_peer) {
  first_.response_body = Verdict::kSuspend;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + std::string(200'000, 'x'));
  EXPECT_FALSE(peer_->reading);
  resume(first_);
  for (int i = 0; i < 5 && !peer_->reading; ++i) turn();
  EXPECT_TRUE(peer_->reading);
  answer(std::string(100'000, 'x'));
  for (int i = 0; i < 5 && second_.ends == 0; ++i) turn();
  EXPECT_EQ(first_.ends, 1);
  EXPECT_EQ(world_.loop.chunks().outstanding(), 0U);
}

TEST_F(Filters, failure_before_the_head_is_a_500) {
  first_.response_body = Verdict::kFail;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 500 ")) << client_->outbound;
  expect_closed_states();
}

TEST_F(Filters, failure_inside_the_body_breaks_it_off) {
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
  first_.response_body = Verdict::kFail;
  answer("2\r\nok\r\n");
  EXPECT_FALSE(client_->outbound.ends_with("0\r\n\r\n"));
  EXPECT_TRUE(client_->fin || client_->closed);
  EXPECT_TRUE(peer_->closed);
}

TEST_F(Filters, own_answers_pass_through) {
  first_.add = "X-First";
  first_.tail = "+";
  tell(*client_, "GET /own HTTP/1.1\r\nHost: sim.test\r\n\r\n");
  EXPECT_NE(client_->outbound.find("X-First: seen"), std::string::npos);
  EXPECT_TRUE(client_->outbound.ends_with("4\r\nown+\r\n0\r\n\r\n")) << client_->outbound;
  client_->outbound.clear();
  first_.response = Verdict::kSuspend;
  tell(*client_, "GET /own HTTP/1.1\r\nHost: sim.test\r\n\r\n");
  EXPECT_EQ(client_->outbound, "");
  resume(first_);
  EXPECT_TRUE(client_->outbound.ends_with("4\r\nown+\r\n0\r\n\r\n"));
  EXPECT_EQ(first_.ends, 2);
  expect_closed_states();
}

TEST_F(Filters, request_body_is_changed_before_a_peer_sees_it) {
  first_.upper_case = true;
  second_.tail = "!";
  tell(*client_, "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 4\r\n\r\nab");
  tell(*client_, "cd");
  answer("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(peer_->outbound.ends_with("Content-Length: 5\r\n\r\nABCD!")) << peer_->outbound;
  EXPECT_EQ(first_.request_ends, 1);
}

TEST_F(Filters, suspended_request_body_holds_back_its_end) {
  first_.request_body = Verdict::kSuspend;
  tell(*client_, "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_TRUE(world_.connecting.empty());
  resume(first_);
  answer("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(peer_->outbound.ends_with("\r\n\r\nabcd")) << peer_->outbound;
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 204 "));
}

TEST_F(Filters, streamed_request_body_passes_the_filters_too) {
  first_.tail = "!";
  const std::string half(70'000, 'x');
  tell(*client_, "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 140000\r\n\r\n" + half);
  ASSERT_FALSE(world_.connecting.empty());
  peer_ = world_.connecting.front()->succeed();
  tell(*client_, half);
  EXPECT_TRUE(peer_->outbound.ends_with("0\r\n\r\n"));
  EXPECT_GT(peer_->outbound.size(), 140'000U);
  EXPECT_EQ(std::count(peer_->outbound.begin(), peer_->outbound.end(), '!'), 1);
}

TEST_F(Filters, failed_request_body_is_answered_500) {
  first_.request_body = Verdict::kFail;
  tell(*client_, "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 500 ")) << client_->outbound;
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(Filters, silent_change_of_a_length_breaks_off_the_answer) {
  second_.tail = "!";
  second_.silent_tail = true;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  answer("def");
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nabc")) << client_->outbound;
  EXPECT_TRUE(client_->closed);
  world_.turn();
  expect_closed_states();
}

TEST_F(Filters, silent_change_of_a_short_answer_is_answered_500) {
  first_.tail = "!";
  first_.silent_tail = true;
  tell(*client_, "GET /own HTTP/1.1\r\nHost: sim.test\r\n\r\n");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 500 ")) << client_->outbound;
}

TEST_F(Filters, silent_change_of_a_request_is_answered_500) {
  first_.tail = "!";
  first_.silent_tail = true;
  tell(*client_, "POST /a HTTP/1.1\r\nHost: sim.test\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 500 ")) << client_->outbound;
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(Filters, upgraded_answer_passes_the_filters) {
  first_.response = Verdict::kSuspend;
  second_.add = "X-Second";
  tell(*client_,
       "GET /a HTTP/1.1\r\nHost: sim.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n");
  answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi");
  EXPECT_TRUE(client_->outbound.empty());
  EXPECT_FALSE(peer_->reading) << "what a tunnel would not take yet stays where it is";
  resume(first_);
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 101 "));
  EXPECT_NE(client_->outbound.find("\r\nX-Second: seen\r\n"), std::string::npos) << client_->outbound;
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\n\x81\x02hi"));
}

TEST_F(Filters, upgraded_answer_may_be_replaced) {
  first_.response = Verdict::kAnswer;
  tell(*client_,
       "GET /a HTTP/1.1\r\nHost: sim.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n");
  answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 403 ")) << client_->outbound;
  EXPECT_TRUE(peer_->closed);
}

TEST_F(Filters, filters_stand_in_their_order) {
  Location location;
  filter::MaintenanceOptions on;
  on.on = true;
  add_filter(location, std::make_shared<Scripted>(first_));
  add_filter(location, filter::make_maintenance(on));
  EXPECT_EQ(location.filters[0]->order(), filter::Order::kMaintenance);
}

}  // namespace
}  // namespace weir::proxy
