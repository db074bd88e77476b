// Who the client is when a trusted proxy stands before weir (vectors after nginx's realip module).
#include "filter/real_ip.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace weir::filter {
namespace {

SocketAddress ip(std::string_view text, uint16_t port = 0) {
  return *SocketAddress::from_ip(text, port);
}

class RealIp : public testing::Test {
 protected:
  RealIp() {
    trust("10.0.0.0/8");
    options_.header = "X-Forwarded-For";
  }
  void trust(std::string_view block) { options_.trusted.push_back(*Cidr::parse(block)); }
  std::string of(std::string_view peer, std::initializer_list<std::string_view> values,
                 std::string_view name = "X-Forwarded-For") {
    http::RequestHead request;
    for (const std::string_view value : values) request.fields.add(name, value, http::header_token(name), false);
    return real_ip(options_, ip(peer, 4711), request).ip();
  }
  RealIpOptions options_;
};

TEST_F(RealIp, ignores_untrusted_peers) {
  EXPECT_EQ(of("203.0.113.9", {"198.51.100.1"}), "203.0.113.9");
}

TEST_F(RealIp, takes_the_last_address_of_the_list) {
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1, 203.0.113.5"}), "203.0.113.5");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1,203.0.113.5 "}), "203.0.113.5");
}

TEST_F(RealIp, takes_the_last_field_of_several) {
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1", "203.0.113.5"}), "203.0.113.5");
}

TEST_F(RealIp, skips_trusted_addresses_only_when_recursive) {
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1, 10.2.2.2"}), "10.2.2.2");
  options_.recursive = true;
  EXPECT_EQ(of("10.1.1.1", {"6.6.6.6, 198.51.100.1, 10.2.2.2"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"6.6.6.6, 198.51.100.1", "10.3.3.3, 10.2.2.2"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"10.3.3.3, 10.2.2.2"}), "10.3.3.3");
}

TEST_F(RealIp, keeps_the_peer_when_there_is_no_address) {
  EXPECT_EQ(of("10.1.1.1", {}), "10.1.1.1");
  EXPECT_EQ(of("10.1.1.1", {"unknown"}), "10.1.1.1");
  EXPECT_EQ(of("10.1.1.1", {""}), "10.1.1.1");
  EXPECT_EQ(of("10.1.1.1", {" , ,"}), "10.1.1.1");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1"}, "X-Real-IP"), "10.1.1.1");
}

TEST_F(RealIp, skips_empty_elements_and_spaces) {
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1, "}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1,,\t ,"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"6.6.6.6 198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1", ""}), "198.51.100.1");
  options_.recursive = true;
  EXPECT_EQ(of("10.1.1.1", {", 198.51.100.1,, 10.2.2.2 ,"}), "198.51.100.1");
}

TEST_F(RealIp, stops_at_the_first_invalid_address) {
  options_.recursive = true;
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1, what, 10.2.2.2"}), "10.2.2.2");
}

TEST_F(RealIp, understands_ports_and_ipv6) {
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1:5000"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(of("10.1.1.1", {"[2001:db8::1]:5000"}), "2001:db8::1");
  EXPECT_EQ(of("10.1.1.1", {"::ffff:198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1:99999"}), "10.1.1.1");
}

TEST_F(RealIp, reads_the_configured_header_in_any_case) {
  options_.header = "CF-Connecting-IP";
  EXPECT_EQ(of("10.1.1.1", {"198.51.100.1"}, "cf-connecting-ip"), "198.51.100.1");
}

TEST_F(RealIp, mapped_peer_is_trusted_as_ipv4) {
  EXPECT_EQ(of("::ffff:10.1.1.1", {"198.51.100.1"}), "198.51.100.1");
}

TEST_F(RealIp, proxy_header_names_the_client_of_a_trusted_peer) {
  options_.header = RealIpOptions::kProxyProtocol;
  http::RequestHead request;
  request.fields.add("proxy_protocol", "203.0.113.6", http::HeaderToken::kOther, false);
  const SocketAddress announced = ip("203.0.113.5", 99);
  EXPECT_EQ(real_ip(options_, ip("10.0.0.1"), request, &announced).to_string(), "203.0.113.5:99");
  EXPECT_EQ(real_ip(options_, ip("10.0.0.1", 4711), request).to_string(), "10.0.0.1:4711");
  EXPECT_EQ(real_ip(options_, ip("192.0.2.1", 4711), request, &announced).to_string(), "192.0.2.1:4711");
}

}  // namespace
}  // namespace weir::filter
