// What `proxy_protocol` is read as, and what -t says of it.
#include <gtest/gtest.h>

#include "config/dump.h"
#include "config_text.h"

namespace weir::config {
namespace {

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

TEST(ProxyProtocolConfig, unknown_tlv_is_an_error) {
  EXPECT_EQ(in_http("add_header X $proxy_protocol_tlv_alpn$proxy_protocol_tlv_0xEA$PROXY_protocol_addr;"), "");
  EXPECT_EQ(in_http("add_header X $proxy_protocol_tlv_foo;"),
            "weir.conf:2:14: error: unknown PROXY protocol TLV \"foo\"\n");
}

}  // namespace
}  // namespace weir::config
