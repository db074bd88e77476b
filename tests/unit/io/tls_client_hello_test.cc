// The server name of a client's hello, as the hello comes in pieces, in records, or broken.
#include "io/tls_client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace weir::io::test {
namespace {

std::string hello_of(const char* server_name, int most_version = TLS1_3_VERSION, const std::string& alpn = {}) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, most_version);
  SSL* ssl = SSL_new(context);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
  if (server_name != nullptr) SSL_set_tlsext_host_name(ssl, server_name);
  if (!alpn.empty())
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()), static_cast<unsigned>(alpn.size()));
  SSL_set_connect_state(ssl);
  SSL_do_handshake(ssl);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string hello(data, static_cast<size_t>(size));
  SSL_free(ssl);
  SSL_CTX_free(context);
  return hello;
}

using State = ClientHello::State;

TEST(ClientHelloTest, server_name_is_found_in_both_versions) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ClientHello hello = read_client_hello(hello_of("shop.example", version));
    EXPECT_EQ(hello.state, State::kWhole);
    EXPECT_EQ(hello.server_name, "shop.example");
    EXPECT_EQ(read_client_hello(hello_of(nullptr, version)).server_name, "");
  }
}

TEST(ClientHelloTest, hello_of_a_ca_offers_acme_alone) {
  const auto proves = [](const std::string& alpn) {
    return read_client_hello(hello_of("a.test", TLS1_3_VERSION, alpn)).proves_name;
  };
  EXPECT_TRUE(
      proves("\x0a"
             "acme-tls/1"));
  EXPECT_FALSE(proves(""));
  EXPECT_FALSE(proves("\x08http/1.1"));
  EXPECT_FALSE(
      proves("\x0a"
             "acme-tls/1\x08http/1.1"));
}

TEST(ClientHelloTest, hello_asks_for_more_at_every_cut) {
  const std::string whole = hello_of("shop.example");
  for (size_t n = 0; n < whole.size(); ++n) {
    const ClientHello hello = read_client_hello(std::string_view(whole).substr(0, n));
    ASSERT_EQ(hello.state, State::kMore) << n;
    ASSERT_GE(hello.missing, 1U);
    ASSERT_LE(n + hello.missing, whole.size());
  }
  EXPECT_EQ(read_client_hello(whole + "\x14garbage").server_name, "shop.example");
}

TEST(ClientHelloTest, hello_lies_in_several_records) {
  const std::string whole = hello_of("shop.example");
  const std::string message = whole.substr(5);
  for (const size_t size : {size_t{1}, size_t{3}, size_t{100}}) {
    std::string split;
    for (size_t at = 0; at < message.size(); at += size) {
      const std::string part = message.substr(at, size);
      split += std::string("\x16\x03\x01", 3) + '\0' + static_cast<char>(part.size()) + part;
    }
    EXPECT_EQ(read_client_hello(split).state, State::kWhole);
    EXPECT_EQ(read_client_hello(split).server_name, "shop.example");
  }
}

TEST(ClientHelloTest, broken_hellos_differ_from_short_ones) {
  const std::string whole = hello_of("shop.example");
  EXPECT_EQ(read_client_hello("GET / HTTP/1.1\r\n").state, State::kBroken);
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x00", 5)).state, State::kBroken);      // empty record
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x01\x02", 6)).state, State::kBroken);  // no hello
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\xff\xff\x01", 6)).state, State::kBroken);  // long record
  EXPECT_EQ(read_client_hello(std::string("\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9)).state, State::kBroken);
  std::string shorter = whole;
  shorter.replace(5 + 1, 3, std::string("\x00\x00\x40", 3));  // the message ends inside its extensions
  EXPECT_EQ(read_client_hello(shorter).state, State::kBroken);
  std::string twice = whole;
  const size_t at = twice.find("shop.example");
  twice[at - 1] = '\x01';  // a host name of one byte, and bytes behind it that are no list
  EXPECT_EQ(read_client_hello(twice).state, State::kBroken);
  EXPECT_EQ(read_client_hello(twice).server_name, "");
}

}  // namespace
}  // namespace weir::io::test
