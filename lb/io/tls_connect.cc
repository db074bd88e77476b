#include "io/tls_connect.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "io/tls_handshake.h"

namespace weir::io {
namespace {

class TlsConnecting final : public Connecting, private TransportHandler, private DeadlineHandler {
 public:
  TlsConnecting(Loop& loop, TlsPeer peer, std::function<void(TlsConnected)> done)
      : loop_(loop), peer_(std::move(peer)), done_(std::move(done)) {}

  void start(const ConnectFunction& connect, const SocketAddress& address, const ConnectOptions& options) {
    due_ = loop_.now() + options.timeout.count();
    connecting_ =
        connect(loop_, address, options, [this](std::unique_ptr<Transport> transport, ConnectFailure failure) {
          on_connected(std::move(transport), std::move(failure));
        });
  }

 private:
  void on_connected(std::unique_ptr<Transport> transport, ConnectFailure failure) {
    connecting_.reset();
    if (transport == nullptr) return finish({nullptr, std::move(failure)});
    transport_ = std::move(transport);
    transport_->set_handler(this);
    if (!peer_.preamble.empty()) {
      const std::string_view preamble = peer_.preamble;
      if (const int error = transport_->send(&preamble, 1); error < 0) return on_transport_error(error);
    }
    handshake_.emplace(loop_, *peer_.context, peer_.name, peer_.sessions, *transport_);
    loop_.arm(deadline_, due_);
    transport_->want_read(true);
    go_on({});
  }

  void go_on(std::string_view bytes) {
    switch (handshake_->on_bytes(bytes)) {
      case TlsHandshake::State::kMore: return;
      case TlsHandshake::State::kFailed:
        return fail(handshake_->is_unverified() ? ErrorKind::kTlsUnverified : ErrorKind::kTlsFailed, handshake_->why());
      case TlsHandshake::State::kDone: break;
    }
    const bool resumed = handshake_->is_resumed();
    std::string early;
    std::unique_ptr<Transport> secure = handshake_->finish(std::move(transport_), early);
    if (!early.empty()) return fail(ErrorKind::kTlsFailed, "it spoke before it was asked");
    finish({std::move(secure), {}, resumed});
  }

  void on_read(std::string_view bytes) override { go_on(bytes); }
  void on_eof() override { fail(ErrorKind::kTlsFailed, "it closed inside the handshake"); }
  void on_transport_error(int code) override {
    fail(ErrorKind::kTlsFailed, std::generic_category().message(-code) + " inside the handshake");
  }
  void on_sent() override {}
  void on_deadline(Deadline&) override { finish({nullptr, {ErrorKind::kConnectTimeout, -ETIMEDOUT}}); }

  // A session that a handshake failed with is not tried again.
  void fail(ErrorKind kind, std::string why) {
    if (peer_.sessions != nullptr) peer_.sessions->forget();
    finish({nullptr, {kind, -EPROTO, std::move(why)}});
  }

  // Touches nothing after the callback, which may destroy us.
  void finish(TlsConnected result) {
    deadline_.cancel();
    if (transport_ != nullptr) transport_->close();
    const auto done = std::exchange(done_, nullptr);
    done(std::move(result));
  }

  Loop& loop_;
  TlsPeer peer_;
  std::function<void(TlsConnected)> done_;
  std::unique_ptr<Connecting> connecting_;
  std::unique_ptr<Transport> transport_;
  std::optional<TlsHandshake> handshake_;  // its engine sends to the transport, and goes first
  Deadline deadline_{this};
  MonoMs due_ = 0;
};

}  // namespace

std::unique_ptr<Connecting> connect_tls(Loop& loop, const ConnectFunction& connect, const SocketAddress& address,
                                        const ConnectOptions& options, TlsPeer peer,
                                        std::function<void(TlsConnected)> done) {
  auto connecting = std::make_unique<TlsConnecting>(loop, std::move(peer), std::move(done));
  connecting->start(connect, address, options);
  return connecting;
}

}  // namespace weir::io
