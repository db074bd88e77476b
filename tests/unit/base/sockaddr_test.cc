// Addresses: parsing, nginx's spellings, and CIDR blocks.
#include "base/sockaddr.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace weir {
namespace {

SocketAddress ip(std::string_view text, uint16_t port = 80) {
  return SocketAddress::from_ip(text, port).value();
}

TEST(SocketAddress, prints_every_byte_of_an_ipv4_address) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::to_string(byte) + ".0." + std::to_string(255 - byte) + "." + std::to_string(byte);
    EXPECT_EQ(ip(text).ip(), text);
  }
}

TEST(SocketAddress, prints_as_nginx_does) {
  EXPECT_EQ(ip("10.0.0.1").to_string(), "10.0.0.1:80");
  EXPECT_EQ(ip("10.0.0.1").ip(), "10.0.0.1");
  EXPECT_EQ(ip("2001:DB8:0:0:0:0:0:1", 8443).to_string(), "[2001:db8::1]:8443");
  EXPECT_EQ(ip("2001:db8::1").ip(), "2001:db8::1");
  EXPECT_EQ(ip("::").to_string(), "[::]:80");
  EXPECT_EQ(ip("::ffff:10.1.2.3").ip(), "::ffff:10.1.2.3");
  EXPECT_EQ(SocketAddress::from_unix("/run/app.sock").to_string(), "unix:/run/app.sock");
  EXPECT_EQ(SocketAddress::from_unix("/run/app.sock").ip(), "unix:");
  EXPECT_EQ(SocketAddress::from_unix("").to_string(), "unix:");
  EXPECT_EQ(SocketAddress().to_string(), "");
}

TEST(SocketAddress, takes_ipv6_with_and_without_brackets) {
  EXPECT_EQ(ip("[::1]"), ip("::1"));
  EXPECT_TRUE(ip("[::1]").is_ipv6());
  EXPECT_TRUE(ip("127.0.0.1").is_ipv4());
}

TEST(SocketAddress, refuses_incomplete_addresses) {
  for (const std::string_view text : {"", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", "10.0.0.1:80", "[10.0.0.1]",
                                      "[::1", "::1]", "[]", "fe80::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "localhost",
                                      "0x7f000001", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"})
    EXPECT_FALSE(SocketAddress::from_ip(text, 80).has_value()) << text;
  EXPECT_FALSE(SocketAddress::from_ip(std::string_view("10.0.0.1\0", 9), 80).has_value());
}

TEST(SocketAddress, survives_the_way_to_sockaddr_and_back) {
  for (const SocketAddress& address :
       {ip("192.0.2.7", 1), ip("2001:db8::7", 65535), SocketAddress::from_unix("/run/app.sock"),
        SocketAddress::from_unix(std::string(SocketAddress::kLongestUnixPath, 'p')), SocketAddress::from_unix(""),
        SocketAddress::from_unix(std::string_view("\0abstract", 9))}) {
    sockaddr_storage storage{};
    const socklen_t length = address.to_sockaddr(storage);
    ASSERT_GT(length, 0U);
    EXPECT_EQ(SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length), address);
  }
}

TEST(SocketAddress, does_not_cut_a_unix_path_that_is_too_long) {
  sockaddr_storage storage{};
  const auto address = SocketAddress::from_unix(std::string(SocketAddress::kLongestUnixPath + 1, 'p'));
  EXPECT_EQ(address.to_sockaddr(storage), 0U);
}

TEST(SocketAddress, reads_a_unix_path_that_fills_its_field) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memset(un.sun_path, 'p', sizeof un.sun_path);
  const auto address = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&un), sizeof un);
  EXPECT_EQ(address.path(), std::string(sizeof un.sun_path, 'p'));
}

TEST(SocketAddress, takes_a_short_or_unknown_sockaddr_as_none) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  EXPECT_TRUE(SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&in), 4).empty());
  in.sin_family = AF_PACKET;
  EXPECT_TRUE(SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&in), sizeof in).empty());
  EXPECT_TRUE(SocketAddress::from_sockaddr(nullptr, 0).empty());
  sockaddr_storage storage{};
  EXPECT_EQ(SocketAddress().to_sockaddr(storage), 0U);
}

TEST(SocketAddress, unmaps_ipv4_in_ipv6_only) {
  EXPECT_EQ(ip("::ffff:10.1.2.3", 9).unmapped(), ip("10.1.2.3", 9));
  EXPECT_EQ(ip("::fffe:10.1.2.3").unmapped(), ip("::fffe:10.1.2.3"));
  EXPECT_EQ(ip("10.1.2.3").unmapped(), ip("10.1.2.3"));
}

TEST(SocketAddress, gives_its_bytes_in_network_order) {
  EXPECT_EQ(ip("1.2.3.4").address_bytes(), std::string_view("\1\2\3\4", 4));
  EXPECT_EQ(ip("::1").address_bytes().size(), 16U);
  EXPECT_EQ(SocketAddress::from_unix("/a").address_bytes(), "");
}

TEST(SocketAddress, equality_and_hash_see_family_port_and_path) {
  const std::hash<SocketAddress> hash;
  EXPECT_EQ(hash(ip("10.0.0.1")), hash(ip("10.0.0.1")));
  EXPECT_NE(hash(ip("10.0.0.1")), hash(ip("10.0.0.1", 81)));
  EXPECT_FALSE(ip("10.0.0.1") == ip("10.0.0.1", 81));
  EXPECT_FALSE(ip("0.0.0.0") == ip("::"));
  EXPECT_EQ(SocketAddress::from_unix("/a"), SocketAddress::from_unix("/a"));
  EXPECT_FALSE(SocketAddress::from_unix("/a") == SocketAddress::from_unix("/b"));
  EXPECT_NE(hash(SocketAddress::from_unix("/a")), hash(SocketAddress::from_unix("/b")));
}

// The path stands where the address does.
TEST(SocketAddress, is_copied_from_any_kind_to_any_kind) {
  const SocketAddress kinds[] = {SocketAddress(), *SocketAddress::from_ip("10.0.0.1", 80),
                                 *SocketAddress::from_ip("2001:db8::1", 443), SocketAddress::from_unix("/run/a.sock"),
                                 SocketAddress::from_unix("")};
  for (const SocketAddress& from : kinds) {
    for (const SocketAddress& to : kinds) {
      SocketAddress copy = to;
      copy = from;
      EXPECT_EQ(copy, from);
      EXPECT_EQ(copy.to_string(), from.to_string());
      SocketAddress moved = std::move(copy);
      EXPECT_EQ(moved, from);
      const SocketAddress& itself = moved;
      moved = itself;
      EXPECT_EQ(moved.to_string(), from.to_string());
    }
  }
}

TEST(SocketAddress, is_small) {
  EXPECT_LE(sizeof(SocketAddress), 40U);
}

bool contains(std::string_view block, std::string_view address) {
  return Cidr::parse(block).value().contains(ip(address));
}

TEST(Cidr, matches_whole_and_partial_bytes) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("172.16.0.0/12", "172.31.255.255"));
  EXPECT_FALSE(contains("172.16.0.0/12", "172.32.0.0"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255"));
  EXPECT_TRUE(contains("192.0.2.0/31", "192.0.2.1"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::"));
  EXPECT_TRUE(contains("::1/128", "::1"));
}

TEST(Cidr, ignores_bits_below_the_mask) {
  EXPECT_TRUE(contains("10.1.2.3/8", "10.9.9.9"));
}

TEST(Cidr, keeps_the_families_apart_but_sees_through_mapped_addresses) {
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
  EXPECT_FALSE(contains("::/0", "10.0.0.1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  EXPECT_FALSE(contains("::/0", "::ffff:10.1.1.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "::10.1.1.1"));
}

TEST(Cidr, unix_stands_for_every_unix_socket) {
  const Cidr block = Cidr::parse("unix:").value();
  EXPECT_TRUE(block.contains(SocketAddress::from_unix("/any")));
  EXPECT_TRUE(block.contains(SocketAddress::from_unix("")));
  EXPECT_FALSE(block.contains(ip("10.0.0.1")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0").value().contains(SocketAddress::from_unix("/any")));
}

TEST(Cidr, text_reads_back_as_the_same_block) {
  for (const auto& [written, printed] :
       std::initializer_list<std::pair<const char*, const char*>>{{"10.1.2.3/8", "10.0.0.0/8"},
                                                                  {"::1", "::1"},
                                                                  {"192.0.2.1/32", "192.0.2.1"},
                                                                  {"unix:", "unix:"},
                                                                  {"::/0", "::/0"}})
    EXPECT_EQ(Cidr::parse(written).value().to_string(), printed);
}

TEST(Cidr, refuses_invalid_blocks) {
  for (const std::string_view text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "::/129", "10.0.0.0/255.0.0.0",
        "all", "unix:/run/x", "10.0.0.0 /8", "10.0.0.0/+8"})
    EXPECT_FALSE(Cidr::parse(text).has_value()) << text;
}

}  // namespace
}  // namespace weir
