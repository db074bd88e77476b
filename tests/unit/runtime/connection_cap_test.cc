// worker_connections under limits of open files.
#include "runtime/connection_cap.h"

#include <gmock/gmock.h>

namespace weir::runtime {
namespace {

class ConnectionCapTest : public ::testing::Test {
 protected:
  ConnectionCap cap(uint32_t written, uint64_t descriptors, int workers) {
    model_.main.worker_connections = written;
    return connection_cap(model_, descriptors, workers);
  }
  void listen_on(int addresses) {
    config::ServerModel& server = model_.servers.emplace_back();
    for (int i = 0; i < addresses; ++i)
      server.listens.emplace_back().address = *SocketAddress::from_ip("127.0.0.1", static_cast<uint16_t>(1000 + i));
  }
  config::Model model_;
};

TEST_F(ConnectionCapTest, auto_leaves_a_reserve) {
  EXPECT_EQ(cap(0, 1024, 1).each, 1024U - 128 - 32);
  EXPECT_EQ(cap(0, 1024, 4).each, (1024U - 128 - 4 * 32) / 4);
  EXPECT_EQ(cap(0, UINT64_MAX, 1).each, 1U << 20U);
}

TEST_F(ConnectionCapTest, listeners_and_checks_need_descriptors_too) {
  listen_on(10);
  EXPECT_EQ(cap(0, 1024, 2).each, (1024U - 128 - 2 * (32 + 20)) / 2);
  config::UpstreamModel& upstream = model_.upstreams.emplace_back();
  upstream.servers.resize(6);
  upstream.checks.resize(2);
  EXPECT_EQ(cap(0, 1024, 2).each, (1024U - 128 - 2 * (32 + 20) - 12) / 2);
}

TEST_F(ConnectionCapTest, auto_reckons_with_a_file_for_each_connection) {
  config::ServerModel& server = model_.servers.emplace_back();
  proxy::Location& nested = server.locations.emplace_back().nested.emplace_back().settings;
  const uint32_t whole = cap(0, 1024, 1).each;
  nested.files.root.emplace();
  EXPECT_EQ(cap(0, 1024, 1).each, whole / 2);
  EXPECT_EQ(cap(0, 6, 4).each, 1U);
  EXPECT_EQ(cap(600, 1024, 1).each, 600U);
  nested.returns.emplace();
  EXPECT_EQ(cap(0, 1024, 1).each, whole);
  model_.cache_zones.emplace_back();
  EXPECT_EQ(cap(0, 1024, 1).each, whole / 2);
}

TEST_F(ConnectionCapTest, small_limit_is_shared_by_halves) {
  EXPECT_EQ(cap(0, 64, 4).each, 8U);
  EXPECT_EQ(cap(0, 6, 4).each, 1U);
  EXPECT_EQ(cap(0, 0, 1).each, 1U);
}

TEST_F(ConnectionCapTest, written_number_within_the_limit_holds) {
  const ConnectionCap fits = cap(416, 1024, 2);
  EXPECT_EQ(fits.each, 416U);
  EXPECT_TRUE(fits.warning.empty());
}

TEST_F(ConnectionCapTest, written_number_above_the_limit_is_cut_and_named) {
  const ConnectionCap cut = cap(10'000, 1024, 2);
  EXPECT_EQ(cut.each, (1024U - 128 - 64) / 2);
  EXPECT_THAT(cut.warning,
              testing::HasSubstr("worker_connections 10000: 416 in force (2 workers need 20192 open files, "
                                 "the limit is 1024; worker_rlimit_nofile raises it)"));
}

TEST_F(ConnectionCapTest, memory_bounds_auto) {
  constexpr uint64_t kMegabyte = 1U << 20U;
  EXPECT_EQ(connection_cap(model_, UINT64_MAX, 2, 256 * kMegabyte).each, 2048U);
  EXPECT_EQ(connection_cap(model_, 1024, 1, 256 * kMegabyte).each, 1024U - 128 - 32);
  EXPECT_EQ(connection_cap(model_, 1024, 4, 1).each, 1U);
}

TEST_F(ConnectionCapTest, written_number_beyond_memory_is_named) {
  model_.main.worker_connections = 4000;
  const ConnectionCap cap = connection_cap(model_, UINT64_MAX, 2, 64U << 20U);
  EXPECT_EQ(cap.each, 4000U);
  EXPECT_EQ(cap.warning, "worker_connections 4000: may not fit into memory (the limit is 64 MB, 512 would)");
}

}  // namespace
}  // namespace weir::runtime
