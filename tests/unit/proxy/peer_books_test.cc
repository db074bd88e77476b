// What is written down about a peer: attempts, answers, failures, ejections, times.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

class PeerBooks : public Rig {
 protected:
  policy::PeerStats& stats(const std::string& name) { return state(name).stats; }
};

TEST_F(PeerBooks, attempts_and_answers_are_counted_by_class) {
  serve_app();
  connect();
  for (const char* status : {"200 OK", "404 No", "302 There", "500 Oh"}) {
    ask(kGet);
    while (!world_.connecting.empty()) peer();
    for (const auto& wire : peers_)
      if (!std::exchange(wire->outbound, {}).empty())
        tell(*wire, "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n");
  }
  const auto sum = [&](size_t of) {
    return stats("app/10.0.0.1:13000").responses[of].load() + stats("app/10.0.0.2:13000").responses[of].load();
  };
  EXPECT_EQ(stats("app/10.0.0.1:13000").requests.load(), 2U);
  EXPECT_EQ(stats("app/10.0.0.2:13000").requests.load(), 2U);
  EXPECT_EQ(sum(0), 0U);
  EXPECT_EQ(sum(1), 1U);
  EXPECT_EQ(sum(2), 1U);
  EXPECT_EQ(sum(3), 1U);
  EXPECT_EQ(sum(4), 1U);
}

TEST_F(PeerBooks, failures_and_ejections_are_counted) {
  serve_app();
  connect();
  ask(kGet);
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(stats("app/10.0.0.1:13000").failures.load(), 1U);
  EXPECT_EQ(stats("app/10.0.0.1:13000").ejections.load(), 1U);
  EXPECT_EQ(stats("app/10.0.0.2:13000").requests.load(), 1U);
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kConnectRefused), 1U);
}

TEST_F(PeerBooks, peer_is_unreachable_until_it_takes_a_connection) {
  serve_app();
  connect();
  const auto unreachable = [this](const char* name) { return state(name).unreachable.load(); };
  ask(kGet);
  world_.connecting.front()->fail(ErrorKind::kLocalError);
  EXPECT_FALSE(unreachable("app/10.0.0.1:13000")) << "the fault of this machine";
  answered();
  for (int i = 0; i < 2 && !world_.connecting.empty(); ++i) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_TRUE(unreachable("app/10.0.0.2:13000"));
  world_.now += 20'000;
  connect();
  for (int i = 0; i < 2; ++i) {
    ask(kGet);
    while (!world_.connecting.empty()) peer();
    for (const auto& wire : peers_)
      if (!std::exchange(wire->outbound, {}).empty())
        tell(*wire, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  }
  EXPECT_FALSE(unreachable("app/10.0.0.2:13000"));
}

TEST_F(PeerBooks, a_slow_start_begins_when_a_request_ends_an_ejection) {
  serve([](sim::SiteMaker& maker, int) {
    maker.proxied("/", maker.upstream("slow", {"10.0.3.1", "10.0.3.2"}, policy::Method::kRoundRobin,
                                      [](policy::PeerOptions& peer) { peer.slow_start = Millis(30'000); }));
  });
  const auto answer_all = [this] {
    while (!world_.connecting.empty()) peer();
    for (const auto& wire : peers_)
      if (!std::exchange(wire->outbound, {}).empty()) tell(*wire, kOk);
  };
  connect();
  ask(kGet);
  world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  answer_all();
  policy::PeerState& failed = state("slow/10.0.3.1:13000");
  ASSERT_NE(failed.passive.ejected_until(), 0);
  world_.advance(11'000);
  for (int i = 0; i < 4; ++i) {
    ask(kGet);
    answer_all();
  }
  EXPECT_EQ(failed.passive.ejected_until(), 0);
  EXPECT_GT(failed.ramp_from.load(), 0);
  EXPECT_EQ(state("slow/10.0.3.2:13000").ramp_from.load(), 0);
}

TEST_F(PeerBooks, times_are_kept_for_least_time) {
  serve([](sim::SiteMaker& maker, int app) {
    const int timed = maker.upstream("timed", {"10.0.2.1"}, policy::Method::kLeastTimeLastByte);
    maker.proxied("/", timed);
    maker.proxied("/app", app);
  });
  connect();
  ask(kGet);
  tell(peer(), kOk);
  EXPECT_GT(stats("timed/10.0.2.1:13000").header_time.load(), 0U);
  EXPECT_GE(stats("timed/10.0.2.1:13000").last_byte_time.load(), stats("timed/10.0.2.1:13000").header_time.load());
  ask("GET /app HTTP/1.1\r\nHost: a\r\n\r\n");
  tell(peer(), kOk);
  EXPECT_EQ(stats("app/10.0.0.1:13000").header_time.load(), 0U);
}

TEST_F(PeerBooks, a_failed_try_is_no_sample_of_time) {
  serve([](sim::SiteMaker& maker, int) {
    maker.proxied("/", maker.upstream("timed", {"10.0.2.1"}, policy::Method::kLeastTimeHeader));
  });
  connect();
  ask(kGet);
  end(peer());
  EXPECT_EQ(stats("timed/10.0.2.1:13000").header_time.load(), 0U);
}

TEST_F(PeerBooks, listed_status_is_counted_as_a_retry) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).retry.on.http_503 = true; });
  connect();
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kNone), 1U);
  EXPECT_EQ(world_.count(observe::Counter::kUpstreamRetries), 1U);
  EXPECT_EQ(stats("app/10.0.0.1:13000").failures.load(), 1U);
}

TEST_F(PeerBooks, listed_status_passes_when_others_are_down) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).retry.on.http_503 = true; });
  connect();
  state("app/10.0.0.2:13000").check_down = true;
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy");
  EXPECT_TRUE(answered().ends_with("busy"));
}

// As many of an upstream's peers are asked for one request as it may remember.
class ManyPeers : public PeerBooks {
 protected:
  void ask_many() {
    std::vector<std::string> many;
    for (int i = 1; i <= policy::TriedSet::kMost + 8; ++i) many.push_back("10.0.9." + std::to_string(i));
    serve([&](sim::SiteMaker& maker, int) {
      Location& location = maker.proxied("/", maker.upstream("many", many));
      location.retry.tries = 0;
      location.retry.timeout = Millis(0);
      location.retry.on.http_503 = true;
    });
    connect();
    ask(kGet);
  }
};

TEST_F(ManyPeers, request_ends_when_the_most_have_refused) {
  ask_many();
  int refused = 0;
  for (; refused < 100 && !world_.connecting.empty(); ++refused)
    world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(refused, policy::TriedSet::kMost);
  EXPECT_TRUE(has(answered(), "HTTP/1.1 503"));
}

TEST_F(ManyPeers, request_ends_when_the_most_have_a_listed_status) {
  ask_many();
  int busy = 0;
  for (; busy < 100 && !world_.connecting.empty(); ++busy)
    tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy");
  EXPECT_EQ(busy, policy::TriedSet::kMost);
  EXPECT_TRUE(answered().ends_with("busy"));
}

}  // namespace
}  // namespace weir::proxy
