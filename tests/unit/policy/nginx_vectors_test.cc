// What nginx 1.22.1 did on loopback with the same groups: one request after another, where x and y refuse every
// connection. Each word lists the peers that one request was sent to.
#include <gtest/gtest.h>

#include "fixture.h"

namespace weir::policy {
namespace {

Server up(const char* name, uint32_t weight = 1) {
  return {name, weight};
}
Server down(const char* name, uint32_t weight = 1) {
  return {name, weight, false, true};
}
Server backup(const char* name, uint32_t weight = 1) {
  return {name, weight, true};
}
Server refusing(const char* name, uint32_t weight = 1, uint32_t max_fails = 0) {
  return {name, weight, false, false, 0, max_fails};
}

// hash consistent looks at the server as it was written.
std::string written(const std::string& name) {
  return "127.0.0.1:2410" + std::to_string(std::string("abcdxy").find(name) + 1);
}
std::vector<Server> written(std::vector<Server> servers) {
  for (Server& server : servers) server.name = written(server.name);
  return servers;
}
char short_name(const std::string& name) {
  return name.size() == 1 ? name[0] : "?abcdxy"[name.back() - '0'];
}

// One request: tries until a peer answers or nobody is left.
std::string request(Group& group, std::string_view key = {}) {
  std::string path;
  while (const Peer* peer = group.pick(key).peer) {
    const char name = short_name(peer->options.name);
    path += name;
    if (name != 'x' && name != 'y') break;
    group.tried.add(peer);
    peer->state->passive.failure(group.now);
    group.balancer().failed(*peer);
  }
  group.tried.clear();
  return path;
}

std::string requests(Group& group, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += (i > 0 ? " " : "") + request(group);
  return all;
}

struct Vector {
  const char* input;
  const char* path;
};

void expect_by_ip(Group group, const std::vector<Vector>& vectors) {
  for (const auto& [ip, path] : vectors) {
    group.client = *SocketAddress::from_ip(ip, 1234);
    EXPECT_EQ(request(group), path) << ip;
  }
}

void expect_by_key(Group group, const std::vector<Vector>& vectors) {
  for (const auto& [key, path] : vectors) EXPECT_EQ(request(group, key), path) << key;
}

TEST(NginxVectors, weighted_round_robin) {
  Group group(Method::kRoundRobin, {up("a", 5), up("b", 2), up("c", 3), up("d")});
  EXPECT_EQ(requests(group, 24), "a c b a d a c a b c a a c b a d a c a b c a a c");
}

TEST(NginxVectors, round_robin_with_a_peer_down) {
  Group group(Method::kRoundRobin, {up("a", 2), down("b", 2), up("c")});
  EXPECT_EQ(requests(group, 9), "a c a a c a a c a");
}

TEST(NginxVectors, round_robin_with_a_refusing_peer) {
  Group group(Method::kRoundRobin, {up("a", 2), refusing("x", 3), up("b")});
  EXPECT_EQ(requests(group, 12), "xa a b xa xa a b xa xa a b xa");
}

TEST(NginxVectors, round_robin_falling_back_on_backups) {
  Group group(Method::kRoundRobin, {refusing("x"), backup("a", 2), backup("b")});
  EXPECT_EQ(requests(group, 9), "xa xb xa xa xb xa xa xb xa");
}

TEST(NginxVectors, round_robin_with_a_falling_weight) {
  Group group(Method::kRoundRobin, {up("a", 4), refusing("x", 5, 3), up("b", 2)}, false);
  EXPECT_EQ(requests(group, 16), "xa a b xa a xb a a b a a b a a b a");
}

TEST(NginxVectors, least_conn_of_idle_peers) {
  Group group(Method::kLeastConn, {up("a", 3), up("b", 2), up("c")});
  EXPECT_EQ(requests(group, 12), "a b a c b a a b a c b a");
}

TEST(NginxVectors, ip_hash) {
  expect_by_ip(Group(Method::kIpHash, {up("a"), up("b"), up("c")}), {{"10.0.0.1", "a"},
                                                                     {"192.168.1.7", "b"},
                                                                     {"172.31.0.9", "c"},
                                                                     {"1.1.1.1", "a"},
                                                                     {"100.64.3.9", "b"},
                                                                     {"45.33.32.156", "b"},

                                                                     {"2a00:1450:4001::5", "c"},
                                                                     {"0.0.0.7", "b"}});
}

TEST(NginxVectors, ip_hash_with_weights_and_a_peer_down) {
  expect_by_ip(Group(Method::kIpHash, {up("a"), down("b"), up("c", 2), up("d")}), {{"10.0.0.1", "a"},
                                                                                   {"10.0.0.254", "a"},
                                                                                   {"192.168.1.7", "d"},
                                                                                   {"172.31.0.9", "c"},
                                                                                   {"203.0.113.5", "c"},
                                                                                   {"198.51.100.77", "d"},
                                                                                   {"8.8.8.8", "c"},
                                                                                   {"2001:db8::1", "a"},
                                                                                   {"2001:db8::2", "c"},
                                                                                   {"fd00::1234", "c"},
                                                                                   {"1.1.1.1", "c"},
                                                                                   {"100.64.3.9", "c"},
                                                                                   {"45.33.32.156", "d"},

                                                                                   {"2a00:1450:4001::5", "c"},
                                                                                   {"0.0.0.7", "a"}});
}

TEST(NginxVectors, ip_hash_with_refusing_peers) {
  expect_by_ip(Group(Method::kIpHash, {up("a"), refusing("x"), refusing("y"), up("d")}), {{"10.0.0.1", "xd"},
                                                                                          {"10.0.0.254", "xd"},
                                                                                          {"192.168.1.7", "ya"},
                                                                                          {"172.31.0.9", "a"},
                                                                                          {"203.0.113.5", "a"},
                                                                                          {"198.51.100.77", "a"},
                                                                                          {"8.8.8.8", "d"},
                                                                                          {"2001:db8::1", "a"},
                                                                                          {"2001:db8::2", "xa"},
                                                                                          {"fd00::1234", "xa"},
                                                                                          {"1.1.1.1", "a"},
                                                                                          {"100.64.3.9", "yd"},
                                                                                          {"45.33.32.156", "xd"},

                                                                                          {"2a00:1450:4001::5", "yd"},
                                                                                          {"0.0.0.7", "d"}});
}

TEST(NginxVectors, hash_with_weights_and_a_peer_down) {
  expect_by_key(Group(Method::kHash, {up("a"), up("b", 3), down("c"), up("d", 2)}), {{"a", "b"},
                                                                                     {"user-1", "b"},
                                                                                     {"user-2", "b"},
                                                                                     {"/index.html", "b"},
                                                                                     {"session=abc", "d"},
                                                                                     {"k1", "a"},
                                                                                     {"k2", "d"},
                                                                                     {"k3", "b"},
                                                                                     {"k4", "b"},
                                                                                     {"k5", "d"},
                                                                                     {"k6", "d"},
                                                                                     {"k7", "b"},
                                                                                     {"tenant-42", "b"},
                                                                                     {"nocobase", "d"}});
}

TEST(NginxVectors, hash_with_a_refusing_peer) {
  expect_by_key(Group(Method::kHash, {up("a"), up("b"), refusing("x")}), {{"a", "xb"},
                                                                          {"user-1", "xb"},
                                                                          {"user-2", "a"},
                                                                          {"/index.html", "xa"},
                                                                          {"session=abc", "xa"},
                                                                          {"k1", "a"},
                                                                          {"k2", "b"},
                                                                          {"k3", "a"},
                                                                          {"k4", "b"},
                                                                          {"k5", "xb"},
                                                                          {"k6", "a"},
                                                                          {"k7", "xb"},
                                                                          {"tenant-42", "a"},
                                                                          {"nocobase", "a"}});
}

TEST(NginxVectors, hash_consistent_with_weights_and_a_peer_down) {
  expect_by_key(Group(Method::kHashConsistent, written({up("a", 2), up("b"), down("c"), up("d")})),
                {{"a", "b"},
                 {"user-1", "a"},
                 {"user-2", "a"},
                 {"/index.html", "a"},
                 {"session=abc", "a"},
                 {"k1", "a"},
                 {"k2", "d"},
                 {"k3", "d"},
                 {"k4", "b"},
                 {"k5", "b"},
                 {"k6", "a"},
                 {"k7", "d"},
                 {"tenant-42", "b"},
                 {"nocobase", "a"}});
}

TEST(NginxVectors, hash_consistent_with_refusing_peers) {
  expect_by_key(Group(Method::kHashConsistent, written({up("a"), refusing("x"), up("b"), refusing("y")})),
                {{"a", "b"},
                 {"user-1", "a"},
                 {"user-2", "b"},
                 {"/index.html", "xyb"},
                 {"session=abc", "a"},
                 {"k1", "a"},
                 {"k2", "a"},
                 {"k3", "ya"},
                 {"k4", "b"},
                 {"k5", "b"},
                 {"k6", "a"},
                 {"k7", "xb"},
                 {"tenant-42", "b"},
                 {"nocobase", "b"}});
}

}  // namespace
}  // namespace weir::policy
