#include "io/tls_handshake.h"

#include <utility>

#include "io/tls_context.h"
#include "io/tls_engine.h"
#include "io/tls_peer_context.h"
#include "io/tls_transport.h"

namespace weir::io {

TlsHandshake::TlsHandshake(Loop& loop, const TlsContext& context, Transport& transport) {
  OwnedSsl ssl(context.make_ssl());
  if (ssl != nullptr)
    engine_ = std::make_unique<TlsEngine>(loop, std::move(ssl), context.options().record_bytes, &transport);
}

TlsHandshake::TlsHandshake(Loop& loop, const TlsPeerContext& context, const std::string& name,
                           std::shared_ptr<TlsPeerSessions> sessions, Transport& transport)
    : peer_(&context) {
  OwnedSsl ssl(context.make_ssl(name, std::move(sessions)));
  if (ssl != nullptr)
    engine_ = std::make_unique<TlsEngine>(loop, std::move(ssl), static_cast<uint32_t>(TlsScratch::kRecord), &transport);
}

TlsHandshake::~TlsHandshake() = default;

bool TlsHandshake::is_resumed() const {
  return engine_->is_resumed();
}

TlsHandshake::State TlsHandshake::on_bytes(std::string_view bytes) {
  if (engine_ == nullptr) {
    why_ = "out of memory";
    return State::kFailed;
  }
  TlsEngine::State state = TlsEngine::State::kMore;
  engine_->feed(bytes, [&] {
    state = engine_->handshake();
    if (state != TlsEngine::State::kDone) return;
    // In plain it is never longer.
    const size_t room = bytes.size() + TlsScratch::kRecord;
    early_.resize(engine_->has_input() ? room : 0);
    size_t size = 0;
    const TlsEngine::State then = early_.empty() ? TlsEngine::State::kMore : engine_->read(early_.data(), room, size);
    early_.resize(size);
    closed_ = then == TlsEngine::State::kClosed;
    if (then == TlsEngine::State::kFailed) state = then;
  });
  unverified_ = state == TlsEngine::State::kFailed && engine_->is_unverified();
  switch (state) {
    case TlsEngine::State::kMore: return State::kMore;
    case TlsEngine::State::kDone:
      if (peer_ != nullptr) why_ = peer_->fault_of(engine_->ssl());
      return why_.empty() ? State::kDone : State::kFailed;
    case TlsEngine::State::kClosed: why_ = "close_notify inside the handshake"; return State::kFailed;
    case TlsEngine::State::kFailed: break;
  }
  why_ = engine_->why();
  return State::kFailed;
}

std::unique_ptr<Transport> TlsHandshake::finish(std::unique_ptr<Transport> transport, std::string& early) {
  early += early_;
  Loop& loop = engine_->loop();
  return std::make_unique<TlsTransport>(loop, std::move(transport), std::move(engine_), closed_);
}

std::shared_ptr<const TlsFacts> TlsHandshake::facts(const std::string& server_name, bool with_offer) const {
  std::shared_ptr<TlsFacts> facts = engine_->facts(with_offer);
  facts->server_name = server_name;
  return facts;
}

void TlsHandshake::reject(Transport& transport, TlsAlert alert) {
  // RFC 8446 6: alert, legacy version 1.2, two bytes: fatal, and which.
  const char record[] = {0x15, 3, 3, 0, 2, 2, static_cast<char>(alert)};
  const std::string_view bytes(record, sizeof record);
  (void)transport.send(&bytes, 1);
}

}  // namespace weir::io
