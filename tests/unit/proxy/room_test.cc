// A worker whose connections are all taken: who makes room for whom, and who waits.
#include "sim/arrival_steps.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

constexpr uint32_t kMost = 4;

class RoomTest : public Rig {
 protected:
  RoomTest() : Rig(kMost) {}
  using Client = std::shared_ptr<sim::Wire>;

  // Served, and idle from then on.
  Client idle_client() {
    Client client = world_.accept(kListen);
    tell(*client, kOwn);
    EXPECT_TRUE(has(client->outbound, "204"));
    world_.advance(10);
    return client;
  }
  Client busy_client() { return another(kGet); }
  // An idle connection in the pool, of a client that has gone.
  sim::Wire& pooled() {
    Client client = busy_client();
    sim::Wire& wire = peer();
    tell(wire, kOk);
    end(*client);
    world_.advance(10);
    return wire;
  }
  void serve_both() {
    serve([](sim::SiteMaker& maker, int app) {
      maker.proxied("/", app);
      maker.returning("/own", 204);
    });
  }
  static constexpr std::string_view kOwn = "GET /own HTTP/1.1\r\nHost: app.test\r\n\r\n";
};

TEST_F(RoomTest, longest_idle_client_is_closed_for_a_new_one) {
  serve_both();
  std::vector<Client> clients;
  for (uint32_t i = 0; i < kMost; ++i) clients.push_back(idle_client());
  tell(*clients[0], kOwn);  // the second one is idle longest now
  const Client newcomer = idle_client();
  EXPECT_TRUE(clients[1]->closed);
  for (const size_t i : {0U, 2U, 3U}) EXPECT_FALSE(clients[i]->closed) << i;
  EXPECT_FALSE(newcomer->closed);
  EXPECT_EQ(world_.count(Counter::kClientsDisplaced), 1U);
  EXPECT_EQ(world_.core->sessions(), kMost);
  EXPECT_FALSE(world_.full);
}

TEST_F(RoomTest, silent_newcomers_leave_in_their_order_too) {
  serve_both();
  std::vector<Client> clients;
  for (uint32_t i = 0; i < kMost + 2; ++i) clients.push_back(world_.accept(kListen));
  EXPECT_TRUE(clients[0]->closed && clients[1]->closed);
  EXPECT_FALSE(clients[2]->closed);
}

TEST_F(RoomTest, arrivals_that_are_silent_leave_in_their_order) {
  serve([](sim::SiteMaker& maker, int) {
    maker.arrives_by<sim::GreetingStep>(kListen);
    maker.returning("/own", 204);
  });
  std::vector<Client> clients;
  for (uint32_t i = 0; i < kMost; ++i) {
    clients.push_back(world_.accept(kListen));
    world_.advance(10);
  }
  tell(*clients[0], sim::kGreeting.substr(0, 2));  // under way
  tell(*clients[1], sim::kGreeting);               // a session that waits, as long as the second arrival does
  clients.push_back(world_.accept(kListen));
  EXPECT_TRUE(clients[2]->closed);
  EXPECT_EQ(world_.count(Counter::kClientsDisplaced), 1U);
  for (const size_t i : {0U, 1U, 3U, 4U}) EXPECT_FALSE(clients[i]->closed) << i;
  for (const size_t i : {3U, 4U}) tell(*clients[i], sim::kGreeting.substr(0, 2));
  EXPECT_FALSE(world_.full) << "the session is idle";
  const Client last = world_.accept(kListen);
  EXPECT_TRUE(clients[1]->closed);
  tell(*last, sim::kGreeting.substr(0, 2));
  EXPECT_TRUE(world_.full) << "all of them are under way";
}

TEST_F(RoomTest, pooled_connection_is_closed_where_no_client_is_idle) {
  serve_both();
  sim::Wire& older = pooled();
  const Client busy = busy_client();  // takes it from the pool
  const Client second = busy_client();
  sim::Wire& other = peer();
  tell(older, kOk);
  world_.advance(10);
  tell(other, kOk);
  tell(*busy, kGet.substr(0, 10));
  tell(*second, kGet.substr(0, 10));
  const Client newcomer = world_.accept(kListen);
  EXPECT_TRUE(older.closed);
  EXPECT_FALSE(other.closed);
  EXPECT_FALSE(newcomer->closed);
  EXPECT_EQ(world_.count(Counter::kUpstreamsDisplaced), 1U);
}

TEST_F(RoomTest, upstream_connection_gets_the_place_of_an_idle_client) {
  serve_both();
  const Client busy = world_.accept(kListen);
  const Client idle = idle_client();
  const Client half = another("GET ");
  const Client other = another("GET ");
  tell(*busy, kGet);
  EXPECT_TRUE(idle->closed);
  tell(peer(), kOk);
  EXPECT_TRUE(has(busy->outbound, "200 OK"));
}

TEST_F(RoomTest, connect_under_way_counts_as_a_connection) {
  serve_both();
  const Client first = busy_client();
  const Client second = busy_client();
  ASSERT_EQ(world_.connecting.size(), 2U);
  world_.turn();
  EXPECT_TRUE(world_.full);
  end(*first);
  end(*second);
  EXPECT_TRUE(world_.connecting.empty());
  world_.turn();
  EXPECT_FALSE(world_.full);
  EXPECT_EQ(world_.core->room(), kMost);
}

TEST_F(RoomTest, listeners_pause_while_every_connection_is_busy) {
  serve_both();
  std::vector<Client> clients;
  for (uint32_t i = 0; i < kMost; ++i) clients.push_back(another("GET "));
  EXPECT_TRUE(world_.full);
  EXPECT_EQ(world_.count(Counter::kConnectionsFull), 1U);
  EXPECT_EQ(world_.core->room(), 0U);
  const Client dealt = world_.accept(kListen);  // it was on its way when the worker became full
  EXPECT_TRUE(dealt->closed);
  EXPECT_EQ(world_.count(Counter::kConnectionsRefused), 1U);
  tell(*clients[0], kOwn.substr(4));
  world_.turn();
  EXPECT_FALSE(world_.full) << "an idle one makes room";
  end(*clients[0]);
  EXPECT_EQ(world_.core->sessions(), kMost - 1);
}

TEST_F(RoomTest, client_with_an_unread_request_is_not_closed) {
  serve_both();
  std::vector<Client> clients;
  for (uint32_t i = 0; i < kMost; ++i) clients.push_back(idle_client());
  clients[0]->inbound.append(kOwn);
  clients[1]->inbound.append(kOwn);
  const Client newcomer = world_.accept(kListen);
  EXPECT_FALSE(clients[0]->closed || clients[1]->closed);
  EXPECT_TRUE(clients[2]->closed);
  clients[0]->outbound.clear();
  while (clients[0]->deliver()) {
  };
  EXPECT_TRUE(has(clients[0]->outbound, "204"));
}

TEST_F(RoomTest, client_with_an_unsent_answer_is_not_closed) {
  serve_both();
  const Client slow = world_.accept(kListen);
  slow->room = 10;
  tell(*slow, kOwn);
  for (uint32_t i = 1; i < kMost; ++i) (void)idle_client();
  const Client newcomer = idle_client();
  EXPECT_FALSE(slow->closed);
  slow->grant(sim::kUnlimited);
  EXPECT_TRUE(has(slow->outbound, "204"));
  for (uint32_t i = 1; i < kMost; ++i) (void)idle_client();
  EXPECT_FALSE(slow->closed) << "idle from its last byte on";
  (void)idle_client();
  EXPECT_TRUE(slow->closed);
}

TEST_F(RoomTest, addresses_of_former_sites_are_forgotten) {
  for (uint16_t port = 1000; port < 1100; ++port) {
    const SocketAddress address = sim::ip("127.0.0.1", port);
    serve_app(address);
    const Client client = world_.accept(address);
    EXPECT_FALSE(client->closed);
    end(*client);
    world_.turn();
  }
  EXPECT_LE(world_.core->listeners(), 2U);
}

TEST_F(RoomTest, address_stays_known_while_a_session_stands_on_it) {
  serve_app();
  connect();
  ask(kGet);
  for (uint16_t port = 1000; port < 1004; ++port) {
    serve_app(sim::ip("127.0.0.1", port));
    end(*world_.accept(sim::ip("127.0.0.1", port)));
  }
  sim::Wire& upstream = peer();
  EXPECT_TRUE(has(upstream.outbound, "X-Forwarded-Port: 8080")) << upstream.outbound;
  tell(upstream, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

}  // namespace
}  // namespace weir::proxy
