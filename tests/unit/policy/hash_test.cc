// ip_hash, hash and hash consistent: nginx's vectors (SEMANTICS 2.2 to 2.4).
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fixture.h"
#include "policy/ring.h"

namespace weir::policy {
namespace {

std::string at_ip(Group& group, const char* ip) {
  group.client = *SocketAddress::from_ip(ip, 1234);
  return group.name();
}

struct IpVector {
  const char* ip;
  const char* equal;
  const char* weighted;
};
const IpVector kIpVectors[] = {
    {"10.0.0.1", "a", "a"},    {"10.0.0.254", "a", "a"},    {"192.168.1.7", "b", "a"}, {"172.31.0.9", "c", "a"},
    {"203.0.113.5", "a", "a"}, {"198.51.100.77", "a", "b"}, {"8.8.8.8", "c", "c"},     {"2001:db8::1", "c", "a"},
    {"2001:db8::2", "a", "a"}, {"fd00::1234", "a", "b"},
};

TEST(IpHash, agrees_with_nginx) {
  Group equal(Method::kIpHash, {{"a"}, {"b"}, {"c"}});
  Group weighted(Method::kIpHash, {{"a", 5}, {"b"}, {"c"}});
  for (const IpVector& vector : kIpVectors) {
    EXPECT_EQ(at_ip(equal, vector.ip), vector.equal) << vector.ip;
    EXPECT_EQ(at_ip(weighted, vector.ip), vector.weighted) << vector.ip;
  }
}

TEST(IpHash, takes_a_mapped_address_as_ipv4) {
  Group group(Method::kIpHash, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(at_ip(group, "::ffff:192.168.1.7"), "b");
  EXPECT_EQ(at_ip(group, "::ffff:8.8.8.8"), "c");
}

TEST(IpHash, takes_unix_clients_and_unknown_ones_as_three_zero_bytes) {
  Group group(Method::kIpHash, {{"a"}, {"b"}, {"c"}});
  const std::string zeros = at_ip(group, "0.0.0.7");
  group.client = SocketAddress::from_unix("/run/app.sock");
  EXPECT_EQ(group.name(), zeros);
  group.client = SocketAddress();
  EXPECT_EQ(group.name(), zeros);
}

TEST(IpHash, keeps_the_slot_of_a_down_peer) {
  Group group(Method::kIpHash, {{"a"}, {"b", 1, false, true}, {"c"}});
  EXPECT_EQ(at_ip(group, "10.0.0.1"), "a");
  EXPECT_EQ(at_ip(group, "8.8.8.8"), "c");
  EXPECT_NE(at_ip(group, "192.168.1.7"), "b");
}

TEST(IpHash, offers_every_peer_once_to_a_request) {
  Group group(Method::kIpHash, {{"a"}, {"b"}, {"c"}, {"d"}});
  for (const IpVector& vector : kIpVectors) {
    group.client = *SocketAddress::from_ip(vector.ip, 1);
    std::string all = group.tries();
    EXPECT_EQ(std::set<char>(all.begin(), all.end()).size(), 4u) << all;
    EXPECT_EQ(all.size(), 4u);
  }
}

struct KeyVector {
  const char* key;
  const char* peer;
};

TEST(Hash, agrees_with_nginx) {
  Group group(Method::kHash, {{"a"}, {"b"}, {"c"}});
  for (const auto& [key, peer] :
       {KeyVector{"a", "c"}, {"user-1", "c"}, {"user-2", "a"}, {"/index.html", "c"}, {"session=abc", "c"}})
    EXPECT_EQ(group.name(key), peer) << key;
}

TEST(Hash, rehashes_with_a_count_when_the_peer_is_down) {
  Group group(Method::kHash, {{"a"}, {"b"}, {"c", 1, false, true}});
  // h += crc32("1" + key) >> 16 & 0x7fff, and so on: stable, and the same for everyone who asks.
  const std::string first = group.names(3, "user-1");
  EXPECT_TRUE(first == "aaa" || first == "bbb") << first;
  EXPECT_EQ(group.name("user-2"), "a");
}

TEST(Hash, is_round_robin_without_a_key) {
  Group group(Method::kHash, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(group.names(6), "abcabc");
}

const std::vector<Server> kCluster = {{"172.31.0.1:13000"}, {"172.31.0.2:13000"}, {"172.31.0.3:13000"}};

TEST(HashConsistent, agrees_with_nginx) {
  Group group(Method::kHashConsistent, kCluster);
  for (const auto& [key, peer] : {KeyVector{"a", "172.31.0.1:13000"},
                                  {"user-1", "172.31.0.1:13000"},
                                  {"user-2", "172.31.0.3:13000"},
                                  {"/index.html", "172.31.0.1:13000"},
                                  {"session=abc", "172.31.0.3:13000"}})
    EXPECT_EQ(group.name(key), peer) << key;
}

TEST(HashConsistent, makes_ketamas_points) {
  Group group(Method::kHashConsistent, kCluster);
  const auto& points = group.cluster().ring()->points();
  ASSERT_EQ(points.size(), 480u);
  EXPECT_EQ(points.front().hash, 8369332u);
  EXPECT_EQ(points.front().server, 1u);
  EXPECT_EQ(points.back().hash, 4266992028u);
  EXPECT_EQ(points.back().server, 0u);
}

TEST(HashConsistent, finds_the_next_point_and_wraps) {
  Group group(Method::kHashConsistent, kCluster);
  const Ring& ring = *group.cluster().ring();
  EXPECT_EQ(ring.find(0), 0u);
  EXPECT_EQ(ring.find(8369332), 0u);
  EXPECT_EQ(ring.find(8369333), 1u);
  EXPECT_EQ(ring.find(4266992028), 479u);
  EXPECT_EQ(ring.find(4266992029), 0u);
}

TEST(HashConsistent, gives_weights_their_points) {
  Group group(Method::kHashConsistent, {{"10.0.0.1:80", 3}, {"10.0.0.2:80"}});
  std::map<uint32_t, int> points;
  for (const Ring::Point& point : group.cluster().ring()->points()) ++points[point.server];
  EXPECT_NEAR(points[0], 480, 1);
  EXPECT_NEAR(points[1], 160, 1);
}

TEST(HashConsistent, great_weights_keep_their_shares_of_a_bounded_ring) {
  static_assert(Ring::kMostWeight * Ring::kPointsPerWeight * sizeof(Ring::Point) <= 32'000'000);
  Group group(Method::kHash, {{"a:80", 2'000'000'000}, {"b:80", 2'000'000'000}, {"c:80", 1'000'000'000}, {"d:80"}});
  const Ring ring(group.cluster().primaries(), 1000);
  std::map<uint32_t, int> points;
  for (const Ring::Point& point : ring.points()) ++points[point.server];
  const int most = 1000 * Ring::kPointsPerWeight;
  EXPECT_NEAR(points[0], most * 2 / 5, most / 100);
  EXPECT_NEAR(points[1], most * 2 / 5, most / 100);
  EXPECT_NEAR(points[2], most / 5, most / 100);
  EXPECT_NEAR(points[3], Ring::kPointsPerWeight, 5);
}

TEST(HashConsistent, divides_weights_only_above_the_greatest_sum) {
  Group greatest(Method::kHashConsistent, {{"a:80", 99}, {"b:80"}});
  EXPECT_EQ(Ring(greatest.cluster().primaries(), 100).points().size(), 100 * Ring::kPointsPerWeight);
  Group greater(Method::kHashConsistent, {{"a:80", 100}, {"b:80"}});
  EXPECT_EQ(Ring(greater.cluster().primaries(), 100).points().size(), 51 * Ring::kPointsPerWeight);
}

TEST(HashConsistent, moves_only_the_keys_of_a_removed_peer) {
  Group whole(Method::kHashConsistent, kCluster);
  Group less(Method::kHashConsistent, kCluster);
  less.state(1).check_down = true;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const std::string before = whole.name(key);
    if (before != "172.31.0.2:13000") {
      EXPECT_EQ(less.name(key), before);
    }
    EXPECT_NE(less.name(key), "172.31.0.2:13000");
  }
}

TEST(HashConsistent, shares_points_of_a_name_among_its_addresses) {
  ClusterOptions options;
  options.method = Method::kHashConsistent;
  std::vector<std::shared_ptr<PeerState>> states;
  const auto add = [&](const char* server, const char* name) {
    PeerOptions peer;
    peer.server = server;
    peer.name = name;
    options.peers.push_back(peer);
    states.push_back(std::make_shared<PeerState>(peer.passive));
  };
  add("app.example:80", "1");
  add("app.example:80", "2");
  add("other.example:80", "3");
  const Cluster cluster(options, states);
  EXPECT_LE(cluster.ring()->points().size(), 320u);
  EXPECT_GE(cluster.ring()->points().size(), 319u);
  const auto balancer = make_balancer(cluster);
  bool shared = false;
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    PickContext ctx;
    ctx.key = key;
    const std::string first = balancer->pick(ctx).peer->options.name;
    const std::string second = balancer->pick(ctx).peer->options.name;
    if (first == "3") {
      EXPECT_EQ(second, "3");
    } else {
      EXPECT_NE(second, first);
      EXPECT_NE(second, "3");
      shared = true;
    }
  }
  EXPECT_TRUE(shared);
}

TEST(HashConsistent, splits_host_and_port_as_the_configuration_wrote_them) {
  const auto first_point = [](const char* server) {
    Group group(Method::kHashConsistent, {{server}, {"10.9.9.9:1"}});
    for (const Ring::Point& point : group.cluster().ring()->points())
      if (point.server == 0) return point.hash;
    return 0u;
  };
  // A port is told from a host's digits, a unix path has none, and case of "unix:" does not matter.
  EXPECT_NE(first_point("app:80"), first_point("app80"));
  EXPECT_EQ(first_point("unix:/run/app:80"), first_point("UNIX:/run/app:80"));
  EXPECT_NE(first_point("unix:/run/app:80"), first_point("/run/app:80"));
  EXPECT_NE(first_point("[::1]"), first_point("[::1]:80"));
}

TEST(HashConsistent, is_round_robin_without_a_key) {
  Group group(Method::kHashConsistent, {{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(group.names(3), "abc");
}

}  // namespace
}  // namespace weir::policy
