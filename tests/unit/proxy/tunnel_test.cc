// A tunnel by itself: two connections, the books of a place, a record; no request, no session.
#include "proxy/tunnel.h"

#include "http/ws_frames.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;
using namespace std::string_literals;

struct Results {
  std::vector<TunnelResult> all;
};

class Record final : public TunnelRecord {
 public:
  explicit Record(Results& results) : results_(results) {}
  void write(const TunnelResult& result) override { results_.all.push_back(result); }

 private:
  Results& results_;
};

class TunnelTest : public Rig {
 protected:
  // Through a session, as only it can be given to the Core.
  void open(std::string_view behind = {}) {
    serve([this](sim::SiteMaker& maker, int app) {
      Location& location = maker.proxied("/", app);
      location.tunnel_timeout = Millis(60'000);
      location.lingering = lingering_;
    });
    connect();
    ask(kUpgrade);
    peer_ = &peer();
    tell(*peer_, std::string(kSwitched) + std::string(behind));
    answered();
  }
  void reset(sim::Wire& wire) {
    wire.inbound_error = -ECONNRESET;
    wire.deliver();
  }
  sim::Wire* peer_ = nullptr;
  bool lingering_ = true;
};

TEST_F(TunnelTest, session_and_exchange_go_when_it_opens) {
  open("\x82\x02hi");
  EXPECT_EQ(world_.core->sessions(), 1U) << "the client's connection is still one";
  EXPECT_EQ(state("app/10.0.0.1:13000").tunnels.load(), 1U);
  EXPECT_EQ(state("app/10.0.0.1:13000").inflight.load(), 1U);
  EXPECT_TRUE(logged().empty());
  tell(*peer_, "\x82\x02yo");
  EXPECT_EQ(answered(), "\x82\x02yo");
}

TEST_F(TunnelTest, end_of_both_sides_returns_the_place) {
  open();
  end(*client_);
  EXPECT_TRUE(peer_->fin);
  end(*peer_);
  EXPECT_TRUE(peer_->closed);
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(state("app/10.0.0.1:13000").tunnels.load(), 0U);
  EXPECT_EQ(state("app/10.0.0.1:13000").inflight.load(), 0U);
  EXPECT_EQ(shared_.inflight.at("app")->load(), 0U);
  EXPECT_EQ(world_.core->sessions(), 0U);
  const auto lines = logged();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "1 1 101 OK [10.0.0.1:13000] [101] [ok]");
}

TEST_F(TunnelTest, peer_reset_lets_its_last_bytes_out_before_the_fin) {
  open();
  client_->room = 0;
  tell(*peer_,
       "\x82\x03"
       "bye");
  reset(*peer_);
  EXPECT_FALSE(client_->fin);
  client_->grant(sim::kUnlimited);
  EXPECT_EQ(answered(),
            "\x82\x03"
            "bye");
  EXPECT_TRUE(client_->fin);
  EXPECT_FALSE(client_->closed) << "the client may be in the middle of saying something";
  ask("\x82\x82....no");
  EXPECT_FALSE(client_->was_reset);
  end(*client_);
  EXPECT_TRUE(client_->closed);
}

TEST_F(TunnelTest, client_that_sends_after_the_end_is_closed) {
  open();
  reset(*peer_);
  for (int i = 0; i < 10 && !client_->closed; ++i) {
    world_.advance(4'000);
    ask("more");
  }
  EXPECT_TRUE(client_->closed);
}

TEST_F(TunnelTest, end_without_lingering_closes_at_once) {
  lingering_ = false;
  open();
  reset(*peer_);
  EXPECT_TRUE(client_->closed);
}

TEST_F(TunnelTest, client_that_reads_nothing_after_the_end_is_closed) {
  lingering_ = false;
  open();
  client_->room = 0;
  tell(*peer_,
       "\x82\x03"
       "bye");
  reset(*peer_);
  EXPECT_FALSE(client_->closed);
  world_.advance(60'100);
  EXPECT_TRUE(client_->closed);
}

TEST_F(TunnelTest, client_reset_closes_the_peer) {
  open();
  reset(*client_);
  EXPECT_TRUE(peer_->closed);
  EXPECT_TRUE(client_->closed);
  EXPECT_FALSE(has(logged().front(), " OK "));
}

TEST_F(TunnelTest, client_reset_behind_a_close_frame_is_an_ordinary_end) {
  open();
  tell(*peer_, std::string(http::ws_close_frame(1001)));
  reset(*client_);
  EXPECT_TRUE(has(logged().front(), " OK "));
}

TEST_F(TunnelTest, silence_ends_it) {
  open();
  world_.advance(59'000);
  EXPECT_FALSE(peer_->closed);
  tell(*peer_, "\x82\x01x");
  world_.advance(59'000);
  EXPECT_FALSE(peer_->closed);
  world_.advance(2'000);
  EXPECT_TRUE(peer_->closed);
}

TEST_F(TunnelTest, blocked_side_pauses_the_other) {
  open();
  client_->room = 0;
  tell(*peer_, std::string(200'000, 'x'));
  EXPECT_FALSE(peer_->reading);
  client_->grant(sim::kUnlimited);
  EXPECT_TRUE(peer_->reading);
  peer_->room = 0;
  ask(std::string(200'000, 'y'));
  EXPECT_FALSE(client_->reading);
  peer_->grant(sim::kUnlimited);
  EXPECT_TRUE(client_->reading);
}

TEST_F(TunnelTest, stop_closes_both_sides_at_once) {
  open();
  world_.core->close_all();
  EXPECT_TRUE(peer_->closed);
  EXPECT_TRUE(client_->closed);
  EXPECT_EQ(world_.core->sessions(), 0U);
}

// As stream{} will: no HTTP before it, bytes that are no frames, another kind of record.
TEST_F(TunnelTest, drain_without_frames_waits_for_the_end) {
  serve_app();
  auto client = std::make_shared<sim::Wire>();
  auto far = std::make_shared<sim::Wire>();
  auto books = std::make_shared<policy::PeerState>(policy::PassiveOptions());
  auto inflight = std::make_shared<std::atomic<uint32_t>>(1);
  ASSERT_TRUE(books->acquire(0));
  Results results;
  Tunnel::Options options;
  options.websocket = false;
  world_.core->count_connection(+1);
  Tunnel& tunnel = world_.core->add_tunnel(
      std::make_unique<Tunnel>(*world_.core, std::make_unique<sim::FakeTransport>(far),
                               Tunnel::Place{books, inflight, nullptr}, options, std::make_unique<Record>(results)));
  tunnel.start(std::make_unique<sim::FakeTransport>(client), {}, "early", false);
  EXPECT_EQ(far->outbound, "early");
  tell(*far, "\x82\x04xx");
  tunnel.drain(1001);
  EXPECT_FALSE(far->closed);
  EXPECT_EQ(client->outbound, "\x82\x04xx") << "nothing of weir's own";
  world_.advance(31'000);
  EXPECT_TRUE(far->closed);
  ASSERT_EQ(results.all.size(), 1U);
  EXPECT_EQ(results.all[0].from_client, 5U);
  EXPECT_EQ(results.all[0].to_peer, 5U);
  EXPECT_EQ(results.all[0].to_client, 4U);
  EXPECT_EQ(inflight->load(), 0U);
  EXPECT_EQ(books->inflight.load(), 0U);
  world_.core->close_all();
}

}  // namespace
}  // namespace weir::proxy
