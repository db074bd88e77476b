// A TLS client of OpenSSL's own over a socket of the test, and a server of weir at its other end; both take turns.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "io/tls_context.h"
#include "io/tls_handshake.h"
#include "unit/io/harness.h"
#include "unit/tls_certificates.h"

namespace weir::io::test {

using weir::test::CertificateWish;
using weir::test::make_certificate;
using weir::test::TestCertificate;

struct TlsClient {
  struct Wish {
    std::string server_name = {};
    int most_version = TLS1_3_VERSION;
    std::string alpn = {};  // in wire form
    const TestCertificate* certificate = nullptr;
    SSL_SESSION* session = nullptr;
    std::string ciphers = {};
  };
  TlsClient(Fd socket, const Wish& wish) : fd(std::move(socket)), context(SSL_CTX_new(TLS_client_method())) {
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    SSL_CTX_set_max_proto_version(context, wish.most_version);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(context, 0, this);
    SSL_CTX_sess_set_new_cb(context, [](SSL* of, SSL_SESSION* made) {
      auto* self = static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(of), 0));
      SSL_SESSION_free(self->session);
      self->session = made;
      ++self->sessions;
      return 1;
    });
    if (!wish.ciphers.empty()) SSL_CTX_set_cipher_list(context, wish.ciphers.c_str());
    ssl = SSL_new(context);
    SSL_set_fd(ssl, fd.get());
    if (!wish.server_name.empty()) SSL_set_tlsext_host_name(ssl, wish.server_name.c_str());
    if (!wish.alpn.empty())
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                          static_cast<unsigned>(wish.alpn.size()));
    if (wish.certificate != nullptr) {
      SSL_use_certificate(ssl, wish.certificate->certificate.get());
      SSL_use_PrivateKey(ssl, wish.certificate->key.get());
    }
    if (wish.session != nullptr) SSL_set_session(ssl, wish.session);
    SSL_set_connect_state(ssl);
  }
  ~TlsClient() {
    SSL_SESSION_free(session);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // 1: done, 0: later, -1: failed.
  int step() {
    ERR_clear_error();
    const int n = SSL_do_handshake(ssl);
    if (n == 1) return 1;
    const int error = SSL_get_error(ssl, n);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    reason = ERR_GET_REASON(ERR_peek_last_error());
    return -1;
  }
  bool write(std::string_view bytes) {
    ERR_clear_error();
    return SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
  // What is there now; `closed` once close_notify has come.
  std::string read_some() {
    std::string all;
    char some[16384];
    for (;;) {
      ERR_clear_error();
      const int n = SSL_read(ssl, some, sizeof some);
      if (n <= 0) {
        const int error = SSL_get_error(ssl, n);
        closed = closed || error == SSL_ERROR_ZERO_RETURN;
        if (error == SSL_ERROR_SSL) reason = ERR_GET_REASON(ERR_peek_last_error());
        return all;
      }
      all.append(some, static_cast<size_t>(n));
      largest = std::max(largest, n);
      ++records;
      if (first == 0) first = n;
    }
  }
  bool resumed() const { return SSL_session_reused(ssl) == 1; }

  Fd fd;
  SSL_CTX* context;
  SSL* ssl = nullptr;
  SSL_SESSION* session = nullptr;
  int sessions = 0;
  int reason = 0;
  bool closed = false;
  int records = 0, first = 0, largest = 0;
};

// The server's side up to its session: reads for the handshake, as an arrival does.
struct TlsServer final : TransportHandler {
  TlsServer(Loop& on, Fd socket, const TlsContext& context)
      : loop(on), transport(make_transport(on, socket.release())), handshake(on, context, *transport) {
    transport->set_handler(this);
    transport->want_read(true);
  }
  void on_read(std::string_view bytes) override {
    state = handshake.on_bytes(bytes);
    if (state == TlsHandshake::State::kFailed) transport->close();
    if (state != TlsHandshake::State::kDone) return;
    facts = handshake.facts("", true);
    transport = handshake.finish(std::move(transport), recorder.bytes);
    transport->set_handler(&recorder);
    transport->want_read(true);
    if (when_done) when_done();
  }
  void on_eof() override { ++eofs; }
  void on_transport_error(int) override { ++errors; }
  void on_sent() override {}

  Loop& loop;
  std::unique_ptr<Transport> transport;
  TlsHandshake handshake;
  TlsHandshake::State state = TlsHandshake::State::kMore;
  std::shared_ptr<const TlsFacts> facts;
  Recorder recorder;
  std::function<void()> when_done;
  int eofs = 0, errors = 0;
};

struct MemoryPem {
  std::map<std::string, std::string> files;
  Result<std::string> operator()(const std::string& path) const {
    const auto at = files.find(path);
    if (at == files.end()) return Unexpected{std::string("No such file or directory")};
    return at->second;
  }
};

inline TlsOptions options_of(const TestCertificate& certificate) {
  TlsOptions options;
  options.certificates.push_back({"data:" + certificate.pem(), "data:" + certificate.key_pem()});
  return options;
}

inline std::shared_ptr<TlsContext> context_of(const TlsOptions& options, const std::string& scope = "a") {
  TlsReport report;
  return TlsContext::make(options, scope, MemoryPem{}, report);
}

}  // namespace weir::io::test
