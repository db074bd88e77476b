// A client that makes its TLS 1.3 records by hand: what OpenSSL's own would not send, and RFC 8446 allows or forbids.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "unit/io/tls_client.h"

namespace weir::io::test {
namespace {

constexpr char kHandshake = 22, kAlert = 21, kData = 23;

std::string unhex(std::string_view text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return out;
}

// RFC 8446 7.1, of a secret of SHA-256.
std::string expand(const std::string& secret, const std::string& label, size_t size) {
  std::string info{0, static_cast<char>(size), static_cast<char>(6 + label.size())};
  info += "tls13 " + label + std::string(1, '\0');
  std::string out(size, '\0');
  std::string digest = "SHA256", key = secret;
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                         OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                         OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
                         OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
                         OSSL_PARAM_construct_end()};
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  const int done = EVP_KDF_derive(context, reinterpret_cast<unsigned char*>(out.data()), out.size(), params);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  if (done != 1) std::abort();
  return out;
}

// Encrypts records of a client under TLS_AES_128_GCM_SHA256 (RFC 8446 5.2, 5.3).
class RecordMaker {
 public:
  // Of one direction's traffic secret, from the first record that it protects on.
  void use(const std::string& secret) {
    secret_ = secret;
    key_ = expand(secret, "key", 16);
    iv_ = expand(secret, "iv", 12);
    number_ = 0;
  }
  // Behind a KeyUpdate (RFC 8446 7.2).
  void next_key() { use(expand(secret_, "traffic upd", 32)); }
  std::string record(char type, const std::string& content) {
    const std::string plain = content + type;
    const size_t size = plain.size() + 16;
    std::string out{kData, 3, 3, static_cast<char>(size >> 8), static_cast<char>(size)};
    std::string nonce = iv_;
    for (size_t i = 0; i < 8; ++i)
      nonce[11 - i] = static_cast<char>(nonce[11 - i] ^ static_cast<char>(number_ >> 8 * i));
    ++number_;
    std::string sealed(plain.size(), '\0');
    unsigned char tag[16];
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    int n = 0;
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, bytes(key_), bytes(nonce));
    EVP_EncryptUpdate(context, nullptr, &n, bytes(out), static_cast<int>(out.size()));
    EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(sealed.data()), &n, bytes(plain),
                      static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(context, nullptr, &n);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag);
    EVP_CIPHER_CTX_free(context);
    return out + sealed + std::string(reinterpret_cast<char*>(tag), sizeof tag);
  }

 private:
  static const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }
  std::string secret_, key_, iv_;
  uint64_t number_ = 0;
};

class TlsHostileTest : public testing::Test {
 protected:
  // Shakes hands; from there on the client's records are made by hand, and read by OpenSSL.
  bool open() {
    options_.tickets = false;
    context_ = context_of(options_);
    auto [ours, theirs] = socket_pair(true);
    const int small = 4096;
    ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ::setsockopt(theirs.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_ = std::make_unique<TlsClient>(std::move(theirs), TlsClient::Wish{});
    SSL_set_ciphersuites(client_->ssl, "TLS_AES_128_GCM_SHA256");
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    index_ = index;
    SSL_CTX_set_ex_data(client_->context, index, this);
    SSL_CTX_set_keylog_callback(client_->context, [](const SSL* ssl, const char* line) {
      const std::string text = line;
      auto* self = static_cast<TlsHostileTest*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_));
      if (text.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) self->maker_.use(unhex(text.substr(text.rfind(' ') + 1)));
    });
    server_ = std::make_unique<TlsServer>(loop_, std::move(ours), *context_);
    int client = 0;
    return until([&] {
             if (client == 0) client = client_->step();
             return client < 0 || (client == 1 && server_->state == TlsHandshake::State::kDone);
           }) &&
           client == 1;
  }
  bool until(const std::function<bool()>& done) {
    const MonoMs end = monotonic_ms() + 10'000;
    while (!done()) {
      if (monotonic_ms() > end) return false;
      loop_.turn(false);
    }
    return true;
  }
  // In one piece; a list's elements are made in their order, the two sides of a plus in any.
  void say(const std::vector<std::string>& records) {
    std::string all;
    for (const std::string& each : records) all += each;
    client_->fd.write(all);
  }
  std::string data(const std::string& plain) { return maker_.record(kData, plain); }
  // RFC 8446 4.6.3
  static std::string key_update(bool answer) { return std::string{24, 0, 0, 1, static_cast<char>(answer)}; }
  Recorder& recorder() { return server_->recorder; }
  Transport& transport() { return *server_->transport; }

  static inline int index_ = 0;  // of this object at a client's context
  Loop loop_;
  TlsOptions options_ = options_of(make_certificate());
  RecordMaker maker_;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<TlsClient> client_;
  std::unique_ptr<TlsServer> server_;
};

TEST_F(TlsHostileTest, records_made_by_hand_are_read) {
  ASSERT_TRUE(open());
  say({data("hel"), data("lo")});
  EXPECT_TRUE(until([&] { return recorder().bytes == "hello"; }));
}

TEST_F(TlsHostileTest, bytes_behind_a_key_update_are_read_with_it) {
  ASSERT_TRUE(open());
  std::vector<std::string> all = {data("be"), maker_.record(kHandshake, key_update(false))};
  maker_.next_key();
  all.push_back(data("hi"));
  all.push_back(maker_.record(kHandshake, key_update(true)));
  maker_.next_key();
  all.push_back(data("nd"));
  say(all);
  EXPECT_TRUE(until([&] { return recorder().bytes == "behind" || recorder().errors > 0; }));
  EXPECT_EQ(recorder().bytes, "behind");
  EXPECT_EQ(recorder().reads, 1);
}

TEST_F(TlsHostileTest, answer_waits_for_the_rest_of_a_key_update) {
  ASSERT_TRUE(open());
  const std::string update = key_update(false);
  say({data("ask"), maker_.record(kHandshake, update.substr(0, 4))});
  ASSERT_TRUE(until([&] { return recorder().bytes == "ask"; }));
  const std::string large(100'000, 'x');
  EXPECT_EQ(send(transport(), "answer"), 0);
  EXPECT_EQ(send(transport(), large), 0);
  EXPECT_EQ(transport().queued(), 6 + large.size());
  EXPECT_EQ(transport().bytes_sent(), 0U);
  EXPECT_EQ(recorder().sents, 0);
  say({maker_.record(kHandshake, update.substr(4))});
  std::string got;
  EXPECT_TRUE(until([&] { return (got += client_->read_some()).size() == 6 + large.size(); }));
  EXPECT_EQ(got, "answer" + large);
  EXPECT_EQ(transport().queued(), 0U);
  EXPECT_GE(recorder().sents, 1);
  maker_.next_key();
  say({data("more")});
  EXPECT_TRUE(until([&] { return recorder().bytes == "askmore"; }));
  EXPECT_EQ(recorder().errors, 0);
}

TEST_F(TlsHostileTest, goodbye_waits_for_the_rest_of_a_key_update) {
  ASSERT_TRUE(open());
  const std::string update = key_update(false);
  say({data("ask"), maker_.record(kHandshake, update.substr(0, 4))});
  ASSERT_TRUE(until([&] { return recorder().bytes == "ask"; }));
  EXPECT_EQ(send(transport(), "answer"), 0);
  transport().shutdown_write();
  say({maker_.record(kHandshake, update.substr(4))});
  std::string got;
  EXPECT_TRUE(until([&] {
    got += client_->read_some();
    return client_->closed;
  }));
  EXPECT_EQ(got, "answer");
}

TEST_F(TlsHostileTest, half_key_update_may_be_closed_or_destroyed) {
  for (const bool destroys : {false, true}) {
    ASSERT_TRUE(open());
    say({data("ask"), maker_.record(kHandshake, key_update(false).substr(0, 4))});
    ASSERT_TRUE(until([&] { return recorder().bytes == "ask"; }));
    EXPECT_EQ(send(transport(), "answer"), 0);
    recorder().when_sent = [&] { destroys ? server_->transport.reset() : transport().close(); };
    say({maker_.record(kHandshake, key_update(false).substr(4))});
    EXPECT_TRUE(until([&] { return recorder().sents == 1; }));
  }
}

TEST_F(TlsHostileTest, unread_answers_to_key_updates_end_it) {
  ASSERT_TRUE(open());
  std::string updates;
  for (int i = 0; i < 1000; ++i) {
    updates += maker_.record(kHandshake, key_update(true));
    maker_.next_key();
  }
  // The client reads none of the answers.
  size_t most = 0;
  ::fcntl(client_->fd.get(), F_SETFL, O_NONBLOCK);
  std::string left;
  EXPECT_TRUE(until([&] {
    if (left.empty()) {
      left = updates;
      for (int i = 0; i < 1000; ++i) {
        updates.replace(static_cast<size_t>(i) * 27, 27, maker_.record(kHandshake, key_update(true)));
        maker_.next_key();
      }
    }
    const ssize_t n = ::send(client_->fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (n > 0) left.erase(0, static_cast<size_t>(n));
    most = std::max(most, transport().queued());
    return recorder().errors == 1;
  }));
  EXPECT_EQ(recorder().code, -EPROTO);
  EXPECT_LT(most, 512U * 1024);
}

TEST_F(TlsHostileTest, empty_records_are_no_reads_and_few_are_borne) {
  ASSERT_TRUE(open());
  std::vector<std::string> some;
  for (int i = 0; i < 20; ++i) some.push_back(data(""));
  some.push_back(data("ask"));
  say(some);
  ASSERT_TRUE(until([&] { return recorder().bytes == "ask"; }));
  EXPECT_EQ(recorder().reads, 1);
  some.clear();
  for (int i = 0; i < 60; ++i) some.push_back(data(""));
  say(some);
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
  EXPECT_EQ(recorder().reads, 1);
}

TEST_F(TlsHostileTest, messages_of_no_server_end_it) {
  // ClientHello, Certificate, Finished and one that nobody knows, behind the handshake; an empty one; a KeyUpdate in
  // the middle of a record.
  for (const std::string& message :
       {std::string{1, 0, 0, 1, 0}, std::string{11, 0, 0, 1, 0}, std::string{20, 0, 0, 1, 0},
        std::string{static_cast<char>(200), 0, 0, 1, 0}, std::string(), key_update(false) + key_update(false),
        std::string{24, 0, 0, 1, 7}, std::string{24, 0, 0, 2, 0, 0}}) {
    ASSERT_TRUE(open());
    say({maker_.record(kHandshake, message)});
    EXPECT_TRUE(until([&] { return recorder().errors == 1; })) << static_cast<int>(message[0]);
    EXPECT_EQ(recorder().bytes, "");
  }
}

TEST_F(TlsHostileTest, alerts_are_ends_or_errors) {
  ASSERT_TRUE(open());
  say({data("ask"), maker_.record(kAlert, {1, 0}), data("behind the end")});
  EXPECT_TRUE(until([&] { return recorder().eofs == 1; }));
  EXPECT_EQ(recorder().bytes, "ask");
  ASSERT_TRUE(open());
  say({data("ask"), maker_.record(kAlert, {2, 40})});
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
  EXPECT_EQ(recorder().bytes, "ask");
  ASSERT_TRUE(open());
  say({maker_.record(kAlert, {2})});
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
}

TEST_F(TlsHostileTest, repeated_record_is_refused) {
  ASSERT_TRUE(open());
  const std::string once = data("ask");
  say({once, once});
  EXPECT_TRUE(until([&] { return recorder().errors == 1; }));
  EXPECT_EQ(recorder().bytes, "ask");
}

}  // namespace
}  // namespace weir::io::test
