// What a connection says between accept and its session.
#include <algorithm>
#include <memory>
#include <vector>

#include "sim/arrival_steps.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

class ArrivalTest : public Rig {
 protected:
  // `Steps` in order; "/who" answers with what is known of the connection.
  template <class... Steps>
  void serve_steps() {
    serve([](sim::SiteMaker& maker, int app) {
      (maker.arrives_by<Steps>(kListen), ...);
      maker.proxied("/", app);
      maker.returning("/who", 200, "-").returns->text = *route::Template::compile("$scheme,$https,$connection", {});
    });
  }
  static constexpr std::string_view kWho = "GET /who HTTP/1.1\r\nHost: app.test\r\n\r\n";
};

TEST_F(ArrivalTest, session_begins_behind_the_greeting) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask("HEL");
  EXPECT_EQ(answered(), "");
  EXPECT_EQ(world_.core->sessions(), 1U);
  ask("LO\n");
  EXPECT_EQ(answered(), sim::kGreetingReply);
  ask(kWho);
  EXPECT_TRUE(has(answered(), "\r\n\r\nhttps,on,1"));
  EXPECT_EQ(world_.core->sessions(), 1U);
  end(*client_);
  EXPECT_EQ(world_.core->sessions(), 0U);
  EXPECT_EQ(world_.count(Counter::kConnectionsClosed), 1U);
}

TEST_F(ArrivalTest, bytes_behind_the_greeting_reach_the_session) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask(std::string(sim::kGreeting) + std::string(kWho) + std::string(kWho));
  const std::string got = answered();
  EXPECT_TRUE(got.starts_with(sim::kGreetingReply));
  EXPECT_NE(got.find("https,on,1"), got.rfind("https,on,1"));
}

TEST_F(ArrivalTest, encrypted_connection_is_forwarded_as_https) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask(std::string(sim::kGreeting) + std::string(kGet));
  EXPECT_TRUE(has(peer().outbound, "\r\nX-Forwarded-Proto: https\r\n"));
}

TEST_F(ArrivalTest, steps_follow_each_other_in_one_read) {
  serve_steps<sim::GreetingStep, sim::MaskStep>();
  connect();
  ask(std::string(sim::kGreeting) + "\x55" + sim::masked(kWho, 0x55));
  std::string got = answered();
  ASSERT_TRUE(got.starts_with(sim::kGreetingReply));
  got = sim::masked(std::string_view(got).substr(sim::kGreetingReply.size()), 0x55);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ") && has(got, "https,on,1"));
  ask(sim::masked(kWho, 0x55));
  EXPECT_TRUE(sim::masked(answered(), 0x55).starts_with("HTTP/1.1 200 "));
}

TEST_F(ArrivalTest, steps_follow_each_other_byte_by_byte) {
  serve_steps<sim::MaskStep, sim::GreetingStep>();
  connect();
  const std::string all = "\x2a" + sim::masked(std::string(sim::kGreeting) + std::string(kWho), 0x2a);
  for (const char c : all) ask({&c, 1});
  const std::string got = sim::masked(answered(), 0x2a);
  EXPECT_TRUE(got.starts_with(std::string(sim::kGreetingReply) + "HTTP/1.1 200 "));
}

TEST_F(ArrivalTest, step_without_bytes_is_taken_at_accept) {
  serve_steps<sim::SilentStep>();
  connect();
  world_.advance(9'900);
  ask(kWho);
  EXPECT_TRUE(has(answered(), "https,on,1"));
  serve_steps<sim::SilentStep, sim::GreetingStep, sim::SilentStep>();
  connect();
  EXPECT_EQ(answered(), "");
  ask(std::string(sim::kGreeting) + std::string(kWho));
  EXPECT_TRUE(has(answered(), "https,on,2"));
}

TEST_F(ArrivalTest, step_without_bytes_is_taken_while_draining) {
  serve_steps<sim::SilentStep>();
  auto busy = another(kGet);
  world_.core->begin_drain();
  connect();  // it was in the listener's queue
  ask(kWho);
  EXPECT_TRUE(has(answered(), "Connection: close"));
}

TEST_F(ArrivalTest, long_steps_begin_one_a_turn) {
  serve_steps<sim::LongStep>();
  const std::string hello(sim::kGreeting);
  auto first = another(hello), second = another(hello), third = another(hello + std::string(kWho));
  EXPECT_EQ(first->outbound, sim::kGreetingReply);
  EXPECT_EQ(second->outbound, "");
  world_.turn();
  EXPECT_EQ(second->outbound, "") << "its turn is the next one";
  auto late = another(hello);
  world_.turn();
  EXPECT_EQ(second->outbound, sim::kGreetingReply);
  EXPECT_EQ(third->outbound, "");
  world_.turn();
  EXPECT_TRUE(third->outbound.starts_with(std::string(sim::kGreetingReply) + "HTTP/1.1 200 "));
  EXPECT_EQ(late->outbound, "") << "who comes later is behind those who wait";
  world_.turn();
  EXPECT_EQ(late->outbound, sim::kGreetingReply);
  world_.turn();
  EXPECT_EQ(another(hello)->outbound, sim::kGreetingReply) << "nobody waits any more";
}

TEST_F(ArrivalTest, busy_worker_begins_more_long_steps_a_turn) {
  serve_steps<sim::LongStep>();
  auto busy = another(sim::kGreeting);
  std::vector<std::shared_ptr<sim::Wire>> waiting;
  for (int i = 0; i < 6; ++i) waiting.push_back(another(sim::kGreeting));
  const auto greeted = [&] {
    return std::count_if(waiting.begin(), waiting.end(), [](const auto& wire) { return !wire->outbound.empty(); });
  };
  world_.turn();
  EXPECT_EQ(greeted(), 0);
  for (int i = 0; i < 40; ++i) tell(*busy, kWho);
  world_.turn();
  EXPECT_EQ(greeted(), 3) << "one, and two for 40 requests";
  world_.turn();
  EXPECT_EQ(greeted(), 4);
}

TEST_F(ArrivalTest, client_that_leaves_gives_its_turn_up) {
  serve_steps<sim::LongStep>();
  const std::string hello(sim::kGreeting);
  auto first = another(hello), second = another(hello), third = another(hello);
  end(*second);
  auto greedy = another(hello);
  tell(*greedy, std::string(130'000, 'x'));
  EXPECT_FALSE(greedy->closed);
  tell(*greedy, std::string(2'000, 'x'));
  EXPECT_TRUE(greedy->closed);
  world_.turn();
  world_.turn();
  EXPECT_EQ(third->outbound, sim::kGreetingReply);
  EXPECT_EQ(world_.core->sessions(), 2U);
}

TEST_F(ArrivalTest, waiting_for_a_turn_is_under_the_deadline) {
  serve_steps<sim::LongStep>();
  auto first = another(sim::kGreeting), second = another(sim::kGreeting);
  world_.core->begin_drain();
  world_.advance(61'000);
  EXPECT_TRUE(second->closed);
  EXPECT_EQ(second->outbound, "");
}

TEST_F(ArrivalTest, refused_greeting_closes_without_an_answer) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask("HELP\n");
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(answered(), "");
  EXPECT_EQ(world_.core->sessions(), 0U);
  EXPECT_EQ(world_.count(Counter::kConnectionsClosed), 1U);
  EXPECT_EQ(world_.count(Counter::kRequests), 0U);
  EXPECT_TRUE(logged().empty());
}

TEST_F(ArrivalTest, silent_client_is_closed_at_the_deadline) {
  serve_steps<sim::GreetingStep>();
  connect();
  world_.advance(9'900);
  EXPECT_FALSE(client_->closed);
  world_.advance(200);
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
}

TEST_F(ArrivalTest, steps_share_one_deadline) {
  serve_steps<sim::MaskStep, sim::GreetingStep>();
  connect();
  world_.advance(6'000);
  ask("\x01");
  world_.advance(3'900);
  ask(sim::masked("HEL", 1));
  EXPECT_FALSE(client_->closed);
  world_.advance(200);
  EXPECT_TRUE(client_->closed);
}

TEST_F(ArrivalTest, session_has_its_own_time_for_a_head) {
  serve_steps<sim::GreetingStep>();
  connect();
  world_.advance(9'000);
  ask(sim::kGreeting);
  world_.advance(9'000);
  EXPECT_FALSE(client_->closed);
  world_.advance(1'100);
  EXPECT_TRUE(client_->closed);
}

TEST_F(ArrivalTest, client_fin_or_reset_ends_it) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask("HEL");
  end(*client_);
  EXPECT_TRUE(client_->closed);
  connect();
  client_->inbound_error = -ECONNRESET;
  client_->deliver();
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
  world_.advance(20'000);
  EXPECT_EQ(world_.loop.armed(), 0U);
}

TEST_F(ArrivalTest, greedy_step_is_refused_at_its_bound) {
  serve_steps<sim::GreedyStep>();
  connect();
  ask(std::string(128 * 1024, 'x'));
  EXPECT_FALSE(client_->closed);
  ask("x");
  EXPECT_TRUE(client_->closed);
}

TEST_F(ArrivalTest, reload_changes_no_arrival_under_way) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask("HEL");
  serve_app();  // its listener takes no greeting any more
  EXPECT_EQ(world_.core->live_epochs(), 2);
  ask("LO\n" + std::string(kGet));
  EXPECT_TRUE(has(peer().outbound, "GET /a "));
  world_.turn();
  EXPECT_EQ(world_.core->live_epochs(), 1);
}

TEST_F(ArrivalTest, removed_listener_ends_an_arrival) {
  serve_steps<sim::GreetingStep>();
  connect();
  ask("HEL");
  serve_app(kElsewhere);
  ask("LO\n");
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
}

TEST_F(ArrivalTest, drain_waits_a_second_for_an_arrival) {
  serve_steps<sim::GreetingStep>();
  connect();
  auto crossing = another("HEL");
  world_.core->begin_drain();
  EXPECT_EQ(world_.drained, 0);
  tell(*crossing, "LO\n" + std::string(kWho));
  EXPECT_TRUE(has(crossing->outbound, "Connection: close"));
  world_.advance(1'100);
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
  EXPECT_EQ(world_.drained, 1);
}

TEST_F(ArrivalTest, core_closes_arrivals_when_it_ends) {
  serve_steps<sim::GreetingStep>();
  connect();
  world_.core->close_all();
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
}

}  // namespace
}  // namespace weir::proxy
