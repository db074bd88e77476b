// What a peer that sends its head byte by byte costs.
#include <gtest/gtest.h>

#include <optional>

#include "check_world.h"
#include "io/loop.h"
#include "sim/fake_transport.h"
#include "unit/count_allocations.h"
#include "upstream/pool.h"
#include "upstream/probe.h"

namespace weir::upstream {
namespace {

class Reader final : public LeaseHandler {
 public:
  Arena& response_arena(http::StreamId) override { return arena_; }
  http::ResponseHead& response_head(http::StreamId) override { return head; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId) override {}
  void on_body(http::StreamId, std::string_view) override {}
  void on_response_end(http::StreamId) override { ended = true; }
  void on_error(http::StreamId, ErrorKind, std::string_view) override {}
  void on_upstream_turn() override {}
  void on_upstream_closed(int) override {}
  void on_upstream_sent() override {}
  http::ResponseHead head;
  bool ended = false;

 private:
  Arena arena_;
};

TEST(TrickledHead, is_kept_without_a_copy_for_each_read) {
  MonoMs now = 1'000;
  io::Loop loop(&now);
  observe::MetricSlab metrics;
  Pool pool(loop, metrics, [](int) {});
  const NamedPeers named = pool.name("app", {}, {{*SocketAddress::from_ip("10.0.0.1", 80)}});
  Reader reader;
  const auto wire = std::make_shared<sim::Wire>();
  char byte = 0;
  wire->slab = &byte;
  Lease lease = named.group().open(named.slot(0), std::make_unique<sim::FakeTransport>(wire));
  lease.begin(reader, http::Method::kGet, {});
  std::string head = "HTTP/1.1 204 No Content\r\n";
  for (int i = 0; i < 60; ++i) head += "X-" + std::to_string(i) + ": " + std::string(1'000, 'x') + "\r\n";
  const uint64_t while_incomplete = count_allocations([&] {
    for (const char each : head) {
      wire->inbound.push_back(each);
      wire->deliver();
    }
  });
  EXPECT_LT(while_incomplete, 40U) << "the buffer grows by doubling";
  for (const char each : std::string_view("\r\n")) {
    wire->inbound.push_back(each);
    wire->deliver();
  }
  EXPECT_TRUE(reader.ended);
  EXPECT_EQ(reader.head.status, 204);
  lease.reset();
}

TEST(TrickledHead, costs_a_probe_no_copy_for_each_read) {
  struct Owner final : ProbeOwner {
    void on_outcome(const ProbeOutcome& outcome) override { verdict = outcome.verdict; }
    std::optional<ProbeOutcome::Verdict> verdict;
  } owner;
  CheckWorld world;
  ProbeKit kit{world.loop, world.connector()};
  CheckOptions check;
  check.host = "app";
  check.uri = "/health";
  Probe probe(kit, CheckWorld::address(0), check, owner);
  world.peer().hung = true;
  probe.begin();
  world.serve();
  sim::Wire& wire = world.peer().wire();
  char byte = 0;
  wire.slab = &byte;
  const std::string head = "HTTP/1.1 204 No Content\r\nX: " + std::string(7'000, 'x');
  EXPECT_LT(count_allocations([&] {
              for (const char& each : head) CheckWorld::say(wire, {&each, 1});
            }),
            40U);
  CheckWorld::say(wire, "\r");
  CheckWorld::say(wire, "\n");
  CheckWorld::say(wire, "\r");
  CheckWorld::say(wire, "\n");
  EXPECT_EQ(owner.verdict, ProbeOutcome::Verdict::kPassed);
  wire.slab = nullptr;
}

}  // namespace
}  // namespace weir::upstream
