// PROXY headers: what is taken, what is refused, and what weir writes.
#include "http/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

using namespace std::string_literals;
using State = ProxyHeaderRead::State;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string number16(size_t n) {
  return {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
}
std::string v2(char command, char family, const std::string& said) {
  return kSignature + command + family + number16(said.size()) + said;
}
std::string tlv(char type, const std::string& value) {
  return type + number16(value.size()) + value;
}
const std::string kAddresses4 =
    "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb"s;  // 192.0.2.1:4711, 198.51.100.2:443

struct Outcome {
  ProxyHeaderRead read;
  ProxyHeader header;
};
Outcome read(const std::string& bytes) {
  Outcome out;
  out.read = read_proxy_header(bytes, out.header);
  return out;
}
// Every part of a valid header asks for more; bytes behind it change nothing.
Outcome read_valid(const std::string& header) {
  for (size_t n = 0; n < header.size(); ++n) EXPECT_EQ(read(header.substr(0, n)).read.state, State::kMore) << n;
  const Outcome out = read(header + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(out.read.state, State::kDone) << out.read.why;
  EXPECT_EQ(out.read.size, header.size());
  return out;
}
void expect_refused(const std::string& bytes, std::string_view why) {
  const Outcome out = read(bytes);
  EXPECT_EQ(out.read.state, State::kInvalid) << bytes;
  EXPECT_NE(out.read.why.find(why), std::string_view::npos) << out.read.why;
}

TEST(ProxyProtocol, version_1_announces_both_families) {
  const Outcome v4 = read_valid("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n");
  EXPECT_TRUE(v4.read.announces);
  EXPECT_EQ(v4.header.source.to_string(), "192.0.2.1:4711");
  EXPECT_EQ(v4.header.destination.to_string(), "198.51.100.2:443");
  const Outcome v6 = read_valid("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 65535 0\r\n");
  EXPECT_EQ(v6.header.source.to_string(), "[2001:db8::1]:65535");
  EXPECT_EQ(v6.header.destination.to_string(), "198.51.100.2:0");
}

TEST(ProxyProtocol, unknown_of_version_1_announces_nothing) {
  EXPECT_FALSE(read_valid("PROXY UNKNOWN\r\n").read.announces);
  EXPECT_FALSE(read_valid("PROXY UNKNOWN anything at all 1 2 3\r\n").read.announces);
  EXPECT_FALSE(read_valid("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").read.announces);
}

TEST(ProxyProtocol, malformed_lines_of_version_1_are_refused) {
  for (const char* line :
       {"PROXY\t", "proxy TCP4", "GET / HTTP/1.1\r\n\r\n", "\r\nPROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n"})
    expect_refused(line, "does not begin with");
  for (const char* line : {"PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 \r\n", "PROXY UNKNOWNS\r\n",
                           "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
                           "PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n"})
    expect_refused(line, "malformed");
  for (const char* line :
       {"PROXY TCP4 192.0.2.1  198.51.100.2 1\r\n", "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP6 [2001:db8::1] 2001:db8::2 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 000002\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n\r\n"})
    expect_refused(line, "invalid address or port");
}

TEST(ProxyProtocol, longest_line_of_version_1_is_107_bytes) {
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(92, 'x')).read.state, State::kMore);
  expect_refused("PROXY UNKNOWN " + std::string(93, 'x'), "107");
  expect_refused("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "107");
}

TEST(ProxyProtocol, version_2_announces_both_families) {
  const Outcome v4 = read_valid(v2(0x21, 0x11, kAddresses4));
  EXPECT_TRUE(v4.read.announces);
  EXPECT_EQ(v4.header.source.to_string(), "192.0.2.1:4711");
  EXPECT_EQ(v4.header.destination.to_string(), "198.51.100.2:443");
  const std::string loopback = std::string(15, '\0') + "\x01"s;
  const Outcome v6 = read_valid(v2(0x21, 0x21, loopback + loopback + "\x00\x07\x00\x09"s));
  EXPECT_EQ(v6.header.source.to_string(), "[::1]:7");
  EXPECT_EQ(v6.header.destination.to_string(), "[::1]:9");
}

TEST(ProxyProtocol, local_and_other_families_of_version_2_announce_nothing) {
  EXPECT_FALSE(read_valid(v2(0x20, 0x00, "")).read.announces);
  EXPECT_FALSE(read_valid(v2(0x20, 0x11, kAddresses4)).read.announces);
  EXPECT_FALSE(read_valid(v2(0x20, 0x55, "anything")).read.announces);
  EXPECT_FALSE(read_valid(v2(0x21, 0x00, "")).read.announces);
  EXPECT_FALSE(read_valid(v2(0x21, 0x12, kAddresses4)).read.announces);
  EXPECT_FALSE(read_valid(v2(0x21, 0x31, std::string(216, 'x'))).read.announces);
}

TEST(ProxyProtocol, invalid_headers_of_version_2_are_refused) {
  expect_refused(kSignature + "\x11\x11\x00\x0c"s, "version");
  expect_refused(kSignature + "\x22\x11\x00\x0c"s, "command");
  expect_refused(kSignature + "\x21\x11\x10\x01"s, "4 KB");
  expect_refused(v2(0x21, 0x41, kAddresses4), "family");
  expect_refused(v2(0x21, 0x13, kAddresses4), "family");
  expect_refused(v2(0x21, 0x11, kAddresses4.substr(1)), "too short");
  expect_refused(v2(0x21, 0x21, kAddresses4), "too short");
  expect_refused(v2(0x21, 0x11, kAddresses4 + "\x01"), "TLV");
  expect_refused(v2(0x21, 0x11, kAddresses4 + "\x01\x00\x03h2"s), "TLV");
  expect_refused("\r\n\r\n\0\r\nQUIT\r"s, "does not begin with");
}

TEST(ProxyProtocol, largest_header_of_version_2_is_taken) {
  const std::string most = kAddresses4 + tlv(4, std::string(4096 - 12 - 3, 'x'));
  EXPECT_TRUE(read(v2(0x21, 0x11, most)).read.announces);
  EXPECT_EQ(read(v2(0x21, 0x11, most).substr(0, 4111)).read.state, State::kMore);
}

TEST(ProxyProtocol, checksum_is_looked_at_where_there_is_one) {
  // Of the header with zeros in its place; by a bitwise CRC-32C written independently.
  const std::string good = "\x1e\xaf\x4b\xaa"s;
  EXPECT_TRUE(read(v2(0x21, 0x11, kAddresses4 + tlv(3, good))).read.announces);
  expect_refused(v2(0x21, 0x11, kAddresses4 + tlv(3, "\x1e\xaf\x4b\xab"s)), "checksum");
  expect_refused(v2(0x21, 0x11, kAddresses4 + tlv(3, "\x1e\xaf\x4b"s)), "checksum");
}

TEST(ProxyProtocol, tlvs_are_found_by_their_names) {
  const std::string ssl = "\x01\x00\x00\x00\x0a"s + tlv(0x21, "TLSv1.3") + tlv(0x22, "client") + tlv(0x23, "AES") +
                          tlv(0x24, "SHA256") + tlv(0x25, "EC256") + tlv(0x01, "inner");
  const Outcome out = read(v2(0x21, 0x11,
                              kAddresses4 + tlv(0x01, "h2") + tlv(0x02, "app.test") + tlv(0x05, "id") + tlv(0x20, ssl) +
                                  tlv('\xea', "vpce") + tlv('\xea', "second") + tlv(0x30, "")));
  ASSERT_TRUE(out.read.announces);
  Arena arena;
  const auto value = [&](std::string_view name) {
    const auto number = proxy_tlv(name);
    EXPECT_TRUE(number) << name;
    return number ? std::string(out.header.tlv(*number, arena).value_or("none")) : "unknown";
  };
  EXPECT_EQ(value("alpn"), "h2");
  EXPECT_EQ(value("authority"), "app.test");
  EXPECT_EQ(value("unique_id"), "id");
  EXPECT_EQ(value("netns"), "");
  EXPECT_EQ(value("ssl"), ssl);
  EXPECT_EQ(value("ssl_verify"), "10");
  EXPECT_EQ(value("ssl_version"), "TLSv1.3");
  EXPECT_EQ(value("ssl_cn"), "client");
  EXPECT_EQ(value("ssl_cipher"), "AES");
  EXPECT_EQ(value("ssl_sig_alg"), "SHA256");
  EXPECT_EQ(value("ssl_key_alg"), "EC256");
  EXPECT_EQ(value("0xea"), "vpce");
  EXPECT_EQ(value("0x01"), "h2");
  EXPECT_EQ(value("ssl_0x01"), "inner");
  EXPECT_EQ(value("0x99"), "none");
  EXPECT_EQ(value("ssl_0x99"), "none");
  for (const char* name : {"", "foo", "0x", "0x100", "0x-1", "0xeg", "ssl_", "ssl_foo", "ssl_0x100"})
    EXPECT_FALSE(proxy_tlv(name)) << name;
}

TEST(ProxyProtocol, ssl_tlv_that_is_too_short_has_no_values) {
  const Outcome out = read(v2(0x21, 0x11, kAddresses4 + tlv(0x20, "\x01\x00\x00\x00"s)));
  Arena arena;
  EXPECT_FALSE(out.header.tlv(*proxy_tlv("ssl_verify"), arena));
  EXPECT_FALSE(out.header.tlv(*proxy_tlv("ssl_cn"), arena));
  const Outcome broken = read(v2(0x21, 0x11, kAddresses4 + tlv(0x20, "\x01\x00\x00\x00\x00\x22\x00\x05x"s)));
  EXPECT_FALSE(broken.header.tlv(*proxy_tlv("ssl_cn"), arena));
}

TEST(ProxyProtocol, written_headers_read_as_they_were_meant) {
  const SocketAddress v4 = *SocketAddress::from_ip("192.0.2.1", 4711), other4 = *SocketAddress::from_ip("10.0.0.1", 80);
  const SocketAddress v6 = *SocketAddress::from_ip("2001:db8::1", 1), other6 = *SocketAddress::from_ip("::1", 65535);
  Arena arena;
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, v4, other4, arena), "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, v4, v6, arena), "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 4711 1\r\n");
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, v4, *SocketAddress::from_ip("198.51.100.2", 443), arena),
            v2(0x21, 0x11, kAddresses4));
  for (const auto version : {ProxyProtocol::kV1, ProxyProtocol::kV2})
    for (const auto& [source, destination] : {std::pair{v4, other4}, {v6, other6}, {v4, other6}, {v6, other4}}) {
      const Outcome out = read_valid(std::string(proxy_header(version, source, destination, arena)));
      EXPECT_EQ(out.header.source, source);
      EXPECT_EQ(out.header.destination, destination);
    }
}

TEST(ProxyProtocol, header_is_written_as_unknown_without_addresses) {
  const SocketAddress v4 = *SocketAddress::from_ip("192.0.2.1", 4711), path = SocketAddress::from_unix("/run/x");
  Arena arena;
  EXPECT_EQ(proxy_header(ProxyProtocol::kV1, path, v4, arena), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(proxy_header(ProxyProtocol::kV2, v4, path, arena), v2(0x21, 0x00, ""));
  EXPECT_EQ(local_proxy_header(ProxyProtocol::kV1), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(local_proxy_header(ProxyProtocol::kV2), v2(0x20, 0x00, ""));
  EXPECT_EQ(local_proxy_header(ProxyProtocol::kOff), "");
}

}  // namespace
}  // namespace weir::http
