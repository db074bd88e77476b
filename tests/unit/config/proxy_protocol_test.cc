// What `proxy_protocol` is read as, and what -t says of it.
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config_text.h"

namespace weir::config {
namespace {

using http::ProxyProtocol;

std::string in_http(const std::string& text) {
  return messages("http {\n" + text + "\n}");
}

TEST(ProxyProtocolConfig, listen_takes_it_and_the_dump_shows_it) {
  const LoadedConfig loaded = load(
      "server { listen 1 proxy_protocol; set_real_ip_from 10.0.0.0/8; real_ip_header proxy_protocol; return 200; }");
  EXPECT_TRUE(loaded.model.servers[0].listens[0].proxy_protocol);
  const std::string dump = dump_effective(loaded.model, true);
  EXPECT_NE(dump.find("listen 0.0.0.0:1 proxy_protocol;"), std::string::npos) << dump;
  EXPECT_TRUE(load(dump).model.servers[0].listens[0].proxy_protocol);
  EXPECT_EQ(load(dump).model.servers[0].settings.real_ip.header, "proxy_protocol");
}

TEST(ProxyProtocolConfig, listener_without_trusted_peers_is_warned_of) {
  EXPECT_EQ(
      in_http("server { listen 1 proxy_protocol; return 200; }"),
      "weir.conf:2:10: warning: every connection to 0.0.0.0:1 is refused: \"set_real_ip_from ADDRESS;\" names the "
      "proxies that may send a PROXY header\n");
  EXPECT_EQ(in_http("server { listen 1 proxy_protocol; real_ip_header proxy_protocol; return 200; }"
                    "server { listen 1; server_name b; set_real_ip_from 10.0.0.1; return 200; }"),
            "")
      << "another server of the listener trusts somebody";
}

TEST(ProxyProtocolConfig, field_that_clients_can_write_is_warned_of) {
  EXPECT_EQ(in_http("set_real_ip_from 10.0.0.1; server { listen 1 proxy_protocol; return 200; }"),
            "weir.conf:2:37: warning: \"X-Real-IP\" can be written by any client of a proxy that passes requests on as "
            "they are: \"real_ip_header proxy_protocol;\" takes the address of its PROXY header\n");
}

TEST(ProxyProtocolConfig, locations_inherit_the_version) {
  const LoadedConfig loaded = load(
      "proxy_protocol v2; server { listen 1; location /a { proxy_pass http://127.0.0.1:2; } "
      "location /b { proxy_protocol on; proxy_pass http://127.0.0.1:3; } "
      "location /c { proxy_protocol off; proxy_pass http://127.0.0.1:4; } }");
  const auto& locations = loaded.model.servers[0].locations;
  EXPECT_EQ(locations[0].settings.proxy_protocol, ProxyProtocol::kV2);
  EXPECT_EQ(locations[1].settings.proxy_protocol, ProxyProtocol::kV1);
  EXPECT_EQ(locations[2].settings.proxy_protocol, ProxyProtocol::kOff);
  const LoadedConfig reloaded = load(dump_effective(loaded.model, true));
  const auto& again = reloaded.model.servers[0].locations;
  EXPECT_EQ(again[0].settings.proxy_protocol, ProxyProtocol::kV2);
  EXPECT_EQ(again[2].settings.proxy_protocol, ProxyProtocol::kOff);
  EXPECT_EQ(in_http("proxy_protocol v1;"),
            "weir.conf:2:16: error: invalid value \"v1\" in \"proxy_protocol\" directive, it must be on, v2 or off\n");
}

TEST(ProxyProtocolConfig, checks_of_the_peers_port_announce_themselves) {
  const LoadedConfig loaded = load(
      "upstream u { server 127.0.0.1:2; health_check; health_check port=9 uri=/x; } upstream v { server 127.0.0.1:3; "
      "health_check; } server { listen 1; location / { proxy_pass http://u; proxy_protocol on; } "
      "location /v { proxy_pass http://v; } }");
  const auto& checks = loaded.model.upstreams.at(0).checks;
  EXPECT_EQ(checks.at(0).announce, ProxyProtocol::kV1);
  EXPECT_EQ(checks.at(1).announce, ProxyProtocol::kOff);
  EXPECT_EQ(loaded.model.upstreams.at(1).checks.at(0).announce, ProxyProtocol::kOff);
  EXPECT_NE(checks.at(0).question(), loaded.model.upstreams.at(1).checks.at(0).question());
}

TEST(ProxyProtocolConfig, upstream_with_and_without_headers_is_warned_of) {
  EXPECT_EQ(
      in_http("upstream u { server 127.0.0.1:2; }\nserver { listen 1; location / { proxy_pass http://u; }\n"
              "location /b { proxy_pass http://u; proxy_protocol on; } }"),
      "weir.conf:4:36: warning: upstream \"u\" is sent PROXY headers by some locations and none, or others, by the "
      "rest\n");
}

TEST(ProxyProtocolConfig, unknown_tlv_is_an_error) {
  EXPECT_EQ(in_http("add_header X $proxy_protocol_tlv_alpn$proxy_protocol_tlv_0xEA$PROXY_protocol_addr;"), "");
  EXPECT_EQ(in_http("add_header X $proxy_protocol_tlv_foo;"),
            "weir.conf:2:14: error: unknown PROXY protocol TLV \"foo\"\n");
}

}  // namespace
}  // namespace weir::config
