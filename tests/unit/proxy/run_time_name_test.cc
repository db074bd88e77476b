// Hosts that only a request names: who waits for which answer, what the peers get, and what is forgotten when.
#include "proxy/pass_resolver.h"
#include "proxy/run_time_upstreams.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

class RunTimeNames : public Rig {
 protected:
  ~RunTimeNames() override {
    if (world_.core != nullptr) world_.core->close_all();
  }
  // `rate`: of what goes to clients, bytes a second; 0: as they take it.
  void serve_names(Millis timeout = Millis(5'000), size_t rate = 0) {
    auto resolver = std::make_shared<PassResolver>();
    resolver->question.timeout = timeout;
    resolver->key = "r";
    serve([&](sim::SiteMaker& maker, int app) {
      Location& location = maker.proxied("/", app);
      location.pass->dynamic = *route::Template::compile("http://$arg_to", {});
      location.pass->resolver = resolver;
      location.stream_requests = true;
      if (rate > 0) location.limit_rate = {rate, std::nullopt};
    });
  }
  // A client whose body breaks while its request waits for the host: its page has begun, and is slow.
  std::shared_ptr<sim::Wire> break_body_of_waiting() {
    auto client =
        another("POST /?to=app.test HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    tell(*client, "no chunk\r\n");
    EXPECT_TRUE(client->outbound.starts_with("HTTP/1.1 400 ")) << client->outbound;
    EXPECT_TRUE(logged().empty()) << "the page is not out yet";
    return client;
  }
  void let_page_out(const sim::Wire& client) {
    for (int i = 0; i < 100; ++i) world_.advance(100);
    EXPECT_EQ(client.outbound.rfind("HTTP/1.1 "), 0U) << "one head: " << client.outbound;
    EXPECT_TRUE(client.outbound.ends_with("</html>\r\n")) << client.outbound;
    EXPECT_EQ(logged().size(), 1U);
  }
  static std::string get(const std::string& to) { return "GET /?to=" + to + " HTTP/1.1\r\nHost: shop.test\r\n\r\n"; }
  // The oldest question is answered.
  void resolve(const std::vector<std::string>& addresses, MonoMs hold = 10'000) {
    ASSERT_FALSE(world_.questions.empty());
    const auto asked = std::move(world_.questions.front());
    world_.questions.erase(world_.questions.begin());
    io::ResolveAnswer answer;
    for (const std::string& each : addresses) answer.peers.push_back({sim::ip(each, asked.dns.port)});
    if (addresses.empty())
      asked.told(Unexpected{std::string("host not found")}, 0);
    else
      asked.told(answer, world_.now + hold);
    world_.turn();
  }
  // One address stands in an answer and in the next, which a request for that spelling asks for.
  void expect_kept_connection(const std::string& renewed_by) {
    serve_names();
    another(get("app.test"));
    resolve({"10.1.0.1"}, 1'000);
    sim::Wire& kept = peer();
    tell(kept, kOk);
    kept.outbound.clear();
    world_.advance(1'001);
    another(get(renewed_by));
    resolve({"10.1.0.2", "10.1.0.1"}, 60'000);
    another(get("app.test"));
    EXPECT_FALSE(kept.outbound.empty()) << "one of two in turn goes to it, on the connection that was idle";
    EXPECT_EQ(world_.connecting.size(), 1U);
  }
  RunTimeUpstreams& upstreams() { return world_.core->run_time_upstreams(); }
};

TEST_F(RunTimeNames, requests_for_a_host_share_its_question) {
  serve_names();
  const auto first = another(get("app.test:81"));
  const auto second = another(get("APP.test:81"));
  ASSERT_EQ(world_.questions.size(), 1U);
  EXPECT_EQ(world_.questions[0].dns.host, "app.test");
  EXPECT_EQ(world_.questions[0].dns.port, 81);
  EXPECT_TRUE(first->outbound.empty());
  resolve({"10.1.0.1"});
  ASSERT_EQ(world_.connecting.size(), 2U);
  EXPECT_EQ(world_.connecting[0]->address(), sim::ip("10.1.0.1", 81));
  sim::Wire& wire = peer();
  EXPECT_TRUE(has(wire.outbound, "Host: app.test:81\r\n")) << wire.outbound;
  tell(wire, kOk);
  tell(peer(), kOk);
  EXPECT_TRUE(has(first->outbound, "200 OK"));
  EXPECT_TRUE(has(second->outbound, "200 OK"));
  another(get("app.test:81"));
  EXPECT_TRUE(world_.questions.empty()) << "the answer holds";
}

TEST_F(RunTimeNames, ports_are_different_upstreams) {
  serve_names();
  another(get("app.test:81"));
  another(get("app.test"));
  ASSERT_EQ(world_.questions.size(), 2U);
  EXPECT_EQ(world_.questions[1].dns.port, 80);
}

TEST_F(RunTimeNames, configured_upstream_is_never_asked_for) {
  serve_names();
  another(get("app"));
  EXPECT_TRUE(world_.questions.empty());
  EXPECT_EQ(world_.connecting.size(), 1U);
}

TEST_F(RunTimeNames, unknown_host_is_502_without_blame) {
  serve_names();
  const auto client = another(get("nowhere.test"));
  resolve({});
  EXPECT_TRUE(has(client->outbound, "HTTP/1.1 502")) << client->outbound;
  EXPECT_TRUE(has(logged().front(), "[nowhere.test] [502] [name_unresolved]"));
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.failures.load(), 0U);
  another(get("nowhere.test"));
  EXPECT_EQ(world_.questions.size(), 1U) << "a failure is not remembered";
}

TEST_F(RunTimeNames, silence_is_502_after_the_resolvers_timeout) {
  serve_names(Millis(2'000));
  const auto client = another(get("app.test"));
  world_.advance(1'900);
  EXPECT_TRUE(client->outbound.empty());
  world_.advance(200);
  EXPECT_TRUE(has(client->outbound, "HTTP/1.1 502")) << client->outbound;
  EXPECT_TRUE(has(logged().front(), "[name_unresolved]"));
  resolve({"10.1.0.1"});
  EXPECT_TRUE(world_.connecting.empty()) << "nobody waits any more";
  another(get("app.test"));
  EXPECT_TRUE(world_.questions.empty()) << "the late answer holds";
  EXPECT_EQ(world_.connecting.size(), 1U);
}

TEST_F(RunTimeNames, client_that_leaves_gets_no_peer) {
  serve_names();
  const auto client = another(get("app.test"));
  end(*client);
  EXPECT_TRUE(has(logged().front(), "499"));
  resolve({"10.1.0.1"});
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(RunTimeNames, body_waits_for_the_name_and_is_sent) {
  serve_names();
  const auto client = another("POST /?to=app.test HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhello");
  tell(*client, "world");
  resolve({"10.1.0.1"});
  EXPECT_TRUE(has(peer().outbound, "helloworld"));
}

TEST_F(RunTimeNames, broken_body_gets_no_peer_while_its_page_goes_out) {
  serve_names(Millis(5'000), 50);
  const auto client = break_body_of_waiting();
  resolve({"10.1.0.1"});
  EXPECT_TRUE(world_.connecting.empty());
  let_page_out(*client);
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(RunTimeNames, broken_body_is_answered_once_when_the_resolver_is_silent) {
  serve_names(Millis(200), 50);
  const auto client = break_body_of_waiting();
  let_page_out(*client);
}

TEST_F(RunTimeNames, dead_address_is_failed_over) {
  serve_names();
  const auto client = another(get("app.test"));
  resolve({"10.1.0.1", "10.1.0.2"});
  const SocketAddress first = world_.connecting.front()->address();
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  ASSERT_EQ(world_.connecting.size(), 1U);
  EXPECT_FALSE(world_.connecting.front()->address() == first);
  tell(peer(), kOk);
  EXPECT_TRUE(has(client->outbound, "200 OK"));
  EXPECT_TRUE(has(logged().front(), "[connect_refused, ok]"));
}

TEST_F(RunTimeNames, addresses_take_turns) {
  serve_names();
  another(get("app.test"));
  resolve({"10.1.0.1", "10.1.0.2"});
  another(get("app.test"));
  ASSERT_EQ(world_.connecting.size(), 2U);
  EXPECT_FALSE(world_.connecting[0]->address() == world_.connecting[1]->address());
}

TEST_F(RunTimeNames, answer_that_has_run_out_is_asked_for_again) {
  serve_names();
  another(get("app.test"));
  resolve({"10.1.0.1"}, 1'000);
  tell(peer(), kOk);
  world_.advance(1'001);
  const auto client = another(get("app.test"));
  ASSERT_EQ(world_.questions.size(), 1U);
  resolve({"10.1.0.9"}, 1'000);
  ASSERT_EQ(world_.connecting.size(), 1U);
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.1.0.9", 80));
}

TEST_F(RunTimeNames, address_of_both_answers_keeps_its_connections) {
  expect_kept_connection("app.test");
}

TEST_F(RunTimeNames, renewal_by_another_spelling_keeps_connections) {
  expect_kept_connection("APP.test");
}

TEST_F(RunTimeNames, former_answer_lives_while_a_request_uses_it) {
  serve_names();
  const auto slow = another(get("app.test"));
  resolve({"10.1.0.1"}, 1'000);
  sim::Wire& old = peer();
  world_.advance(1'001);
  another(get("app.test"));
  resolve({"10.1.0.2"}, 1'000);
  tell(old, kOk);
  EXPECT_TRUE(has(slow->outbound, "200 OK"));
  world_.turn();
  EXPECT_TRUE(old.closed) << "nobody names that address any more";
}

TEST_F(RunTimeNames, reload_lets_requests_wait_on) {
  serve_names();
  const auto client = another(get("app.test"));
  serve_app();
  resolve({"10.1.0.1"});
  tell(peer(), kOk);
  EXPECT_TRUE(has(client->outbound, "200 OK")) << client->outbound;
  world_.turn();
  EXPECT_EQ(world_.core->live_epochs(), 1);
}

TEST_F(RunTimeNames, idle_host_is_forgotten_with_its_connections) {
  serve_names();
  another(get("app.test"));
  resolve({"10.1.0.1"}, 3'600'000);
  tell(peer(), kOk);
  EXPECT_EQ(upstreams().names(), 1U);
  for (int i = 0; i < 8; ++i) world_.advance(10'001);
  EXPECT_EQ(upstreams().names(), 0U);
  EXPECT_EQ(world_.core->pool().idle(), 0U);
  EXPECT_EQ(world_.core->pool().groups(), 1U) << "the configured upstream's";
}

TEST_F(RunTimeNames, hosts_are_bounded_in_number) {
  serve_names();
  for (size_t i = 0; i < RunTimeUpstreams::kMostNames; ++i) {
    const auto client = another(get("h" + std::to_string(i) + ".test"));
    resolve({"10.1.0.1"});
    end(*client);
  }
  EXPECT_EQ(upstreams().names(), RunTimeUpstreams::kMostNames);
  another(get("one-more.test"));
  EXPECT_EQ(upstreams().names(), RunTimeUpstreams::kMostNames);
  ASSERT_EQ(world_.questions.size(), 1U);
  EXPECT_EQ(world_.questions[0].dns.host, "one-more.test") << "the one used longest ago has gone";
}

TEST_F(RunTimeNames, names_that_all_wait_leave_no_place) {
  serve_names();
  std::vector<std::shared_ptr<sim::Wire>> clients;
  for (size_t i = 0; i < RunTimeUpstreams::kMostNames; ++i)
    clients.push_back(another(get("h" + std::to_string(i) + ".test")));
  const auto client = another(get("one-more.test"));
  EXPECT_TRUE(has(client->outbound, "HTTP/1.1 502"));
}

TEST_F(RunTimeNames, wrong_targets_are_500_and_sockets_502) {
  serve_names();
  for (const char* to : {"app.test:0", "app.test:70000", "app.test:x", ":80", ""}) {
    const auto client = another(get(to));
    EXPECT_TRUE(has(client->outbound, "HTTP/1.1 500")) << to << client->outbound;
  }
  const auto client = another(get("unix:/run/x.sock"));
  EXPECT_TRUE(has(client->outbound, "HTTP/1.1 502")) << client->outbound;
  EXPECT_TRUE(world_.questions.empty());
}

TEST_F(RunTimeNames, core_may_end_before_the_answer) {
  serve_names();
  another(get("app.test"));
  const auto asked = std::move(world_.questions.front());
  world_.questions.clear();
  world_.core.reset();
  asked.told(io::ResolveAnswer{{{sim::ip("10.1.0.1", 80)}}, 1, false}, world_.now + 1);
}

}  // namespace
}  // namespace weir::proxy
