// TLS over another transport, after its handshake: the same contract to its owner, bytes in plain. Private to io/tls*;
// TlsHandshake::finish() makes them.
#pragma once
#include <memory>

#include "base/timer_wheel.h"
#include "io/tls_engine.h"
#include "io/transport.h"

namespace weir::io {

class TlsTransport final : public Transport, private TransportHandler, private DeadlineHandler {
 public:
  // `inner` is being read. `closed`: close_notify has come already.
  TlsTransport(Loop& loop, std::unique_ptr<Transport> inner, std::unique_ptr<TlsEngine> engine, bool closed);
  ~TlsTransport() override;

  void set_handler(TransportHandler* handler) override { handler_ = handler; }
  void want_read(bool want) override;
  // Encrypts all at once: what is queued is ciphertext below.
  int send(const std::string_view* pieces, int count, size_t* accepted) override;
  size_t queued() const override { return inner_->queued() + engine_->held(); }
  // Of plain bytes; what is queued counts as unsent in full, its records' frames included.
  uint64_t bytes_sent() const override;
  // close_notify, then FIN. TLS 1.2 clients answer a close_notify with theirs; what they send before it is still read.
  void shutdown_write() override;
  void close() override;
  void reset() override;
  bool closed() const override { return inner_->closed(); }
  bool input_waits() const override { return inner_->input_waits(); }
  std::string fault() const override { return engine_->why(); }
  SocketAddress peer_address() const override { return inner_->peer_address(); }
  SocketAddress local_address() const override { return inner_->local_address(); }
  std::optional<TcpInfo> tcp_info() const override { return inner_->tcp_info(); }

 private:
  enum class End : uint8_t { kNone, kEof, kError, kEofTold, kErrorTold };
  // Answers of the library's own that a client may leave unread.
  static constexpr size_t kMostReplies = 64 * 1024;

  // TransportHandler, of the inner one
  size_t on_read_soon() override;
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_transport_error(int code) override { end(End::kError, code); }
  void on_sent() override {
    if (handler_ != nullptr) handler_->on_sent();
  }
  void on_deadline(Deadline&) override { tell_end(); }

  void end(End how, int code);
  void tell_end();

  Loop& loop_;
  std::unique_ptr<Transport> inner_;
  std::unique_ptr<TlsEngine> engine_;
  TransportHandler* handler_ = nullptr;
  uint64_t sent_ = 0;       // plain bytes that were given to the inner one
  Deadline end_due_{this};  // an end that came while nobody read is told once somebody does
  bool* alive_ = nullptr;   // of the call that is running
  int code_ = 0;
  End end_ = End::kNone;
  bool reading_ = true;
  bool ending_ = false;  // shutdown_write() waits for what the engine holds
};

}  // namespace weir::io
