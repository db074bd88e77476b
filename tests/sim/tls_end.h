// A client's end of TLS without a socket: OpenSSL with its records in memory. The same bytes in, the same number of
// bytes out: signatures of one length and no tickets, so that a seed replays.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "io/tls_context.h"
#include "unit/tls_certificates.h"

namespace weir::sim {

// A server's, with one of two certificates; renew() takes the other one. For all worlds of a process.
class TlsSite {
 public:
  TlsSite() {
    io::TlsOptions options;
    options.certificates.push_back({"live.pem", "live.key"});
    options.tickets = false;
    options.cache = io::TlsSessionCacheKind::kOff;
    io::TlsReport report;
    context = io::TlsContext::make(options, "sim", reader(), report);
    if (context == nullptr) std::abort();
  }
  void renew() {
    ++turn_;
    io::TlsReport report;
    if (!context->renew(reader(), report)) std::abort();
  }
  std::shared_ptr<io::TlsContext> context;

 private:
  io::TlsContext::ReadFile reader() {
    return [this](const std::string& path) -> Result<std::string> {
      const weir::test::TestCertificate& shown = certificates_[turn_ % 2];
      return path == "live.pem" ? shown.pem() : shown.key_pem();
    };
  }
  weir::test::TestCertificate certificates_[2] = {
      weir::test::make_certificate({.names = {"sim.test"}, .ed25519 = true}),
      weir::test::make_certificate({.names = {"sim.test"}, .ed25519 = true})};
  size_t turn_ = 0;
};

class TlsEnd {
 public:
  explicit TlsEnd(bool tls13) : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_max_proto_version(context_.get(), tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_AUTO_RETRY);
    ssl_.reset(SSL_new(context_.get()), SSL_free);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_tlsext_host_name(ssl_.get(), "sim.test");
    SSL_set_connect_state(ssl_.get());
  }

  std::string out;  // records that are to be sent; the owner takes them away
  bool is_shaken() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  // Goes on with the handshake; false: it has failed.
  bool shake() { return done(SSL_do_handshake(ssl_.get())); }
  void say(std::string_view plain) { done(SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()))); }
  void say_goodbye() { done(SSL_shutdown(ssl_.get())); }
  // Of TLS 1.3; asks for the other side's too.
  void update_keys() {
    if (SSL_version(ssl_.get()) == TLS1_3_VERSION) SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
  }
  // Takes what has come; adds to `plain` what it says. False: an alert, or no TLS.
  bool hear(std::string_view came, std::string& plain) {
    BIO_write(SSL_get_rbio(ssl_.get()), came.data(), static_cast<int>(came.size()));
    if (!is_shaken() && !shake()) return false;
    if (!is_shaken()) return true;
    for (;;) {
      char some[16 * 1024];
      const int n = SSL_read(ssl_.get(), some, sizeof some);
      if (n <= 0) return done(n);
      plain.append(some, static_cast<size_t>(n));
    }
  }

 private:
  // What a call has made for the wire is taken; false where the connection is broken.
  bool done(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    ERR_clear_error();
    char* made = nullptr;
    BIO* bio = SSL_get_wbio(ssl_.get());
    const long size = BIO_get_mem_data(bio, &made);
    out.append(made, static_cast<size_t>(size));
    (void)BIO_reset(bio);
    return error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN;
  }

  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> ssl_;
};

}  // namespace weir::sim
