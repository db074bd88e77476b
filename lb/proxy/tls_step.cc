#include "proxy/tls_step.h"

#include <string>
#include <utility>

#include "base/arena.h"
#include "http/host.h"
#include "io/tls_client_hello.h"
#include "io/tls_context.h"
#include "io/tls_handshake.h"
#include "proxy/challenges.h"
#include "proxy/core.h"
#include "proxy/site.h"

namespace weir::proxy {
namespace {

using observe::Counter;

class TlsProgress final : public ArrivalStep::Progress {
 public:
  explicit TlsProgress(const ListenSite& listen) : listen_(listen) {}
  // Failed, too late, or the client is gone.
  ~TlsProgress() override {
    if (!counted_) return;
    core_->counters().add(Counter::kHandshakesFailed);
    end_handshake();
  }

  ArrivalStep::Verdict on_bytes(Arriving& connection) override {
    core_ = connection.core;
    if (context_ == nullptr) {
      if (!io::begins_tls(connection.unread.front())) {
        connection.details.plain_on_tls = true;
        return ArrivalStep::Verdict::kDone;
      }
      if (connection.unread.size() < wanted_) return ArrivalStep::Verdict::kMore;
      const io::ClientHello hello = io::read_client_hello(connection.unread);
      if (hello.state == io::ClientHello::State::kMore) {
        wanted_ = connection.unread.size() + hello.missing;
        return ArrivalStep::Verdict::kMore;
      }
      if (!begin(hello, *connection.transport)) return ArrivalStep::Verdict::kRefused;
      if (!core_->begins_long_step()) return ArrivalStep::Verdict::kWaits;
    }
    if (handshake_ == nullptr)
      handshake_ = std::make_unique<io::TlsHandshake>(core_->loop(), *context_, *connection.transport);
    return go_on(connection);
  }
  std::string_view why() const override { return why_; }

 private:
  // The virtual server that the name leads to; null: it is no name.
  const VirtualServer* server_of(const std::string& name) {
    if (name.empty()) return listen_.default_server;
    Arena arena;
    const auto host = name.find(':') == std::string::npos ? http::routing_host(name, arena) : std::nullopt;
    if (!host) return nullptr;
    server_name_ = *host;
    const int index = listen_.hosts.empty() ? -1 : listen_.hosts.find(*host);
    return index < 0 ? listen_.default_server : listen_.servers[static_cast<size_t>(index)];
  }

  bool reject(io::Transport& transport, io::TlsAlert alert, std::string_view why) {
    io::TlsHandshake::reject(transport, alert);
    why_ = why;
    core_->counters().add(Counter::kHandshakesFailed);
    return false;
  }

  // A CA looks whether the name leads here: it sees what its challenge asks for, whatever server the name has.
  bool begin_proof(const io::ClientHello& hello) {
    if (!hello.proves_name || listen_.challenges == nullptr) return false;
    context_ = listen_.challenges->find_tls(hello.server_name);
    is_proof_ = context_ != nullptr;
    return is_proof_;
  }

  bool begin(const io::ClientHello& hello, io::Transport& transport) {
    if (hello.state == io::ClientHello::State::kBroken) return reject(transport, hello.alert, "TLS: malformed hello");
    if (begin_proof(hello)) return begin_handshake();
    const VirtualServer* server = server_of(hello.server_name);
    if (server == nullptr)
      return reject(transport, io::TlsAlert::kUnrecognizedName, "TLS: the server name is no host name");
    const io::TlsContext* context = listen_.tls_of(*server);
    if (server->tls.reject || context == nullptr)
      return reject(transport, io::TlsAlert::kUnrecognizedName, "TLS: handshake rejected for its server name");
    if (!context->ready())
      return reject(transport, io::TlsAlert::kUnrecognizedName, "TLS: no certificate for its server name yet");
    context_ = server->tls.context != nullptr ? server->tls.context : listen_.default_server->tls.context;
    return begin_handshake();
  }

  bool begin_handshake() {
    if (!core_->begin_handshake()) {
      why_ = "TLS: too many handshakes under way";
      return false;
    }
    counted_ = true;
    return true;
  }

  ArrivalStep::Verdict go_on(Arriving& connection) {
    const std::string bytes = std::exchange(connection.unread, {});
    switch (handshake_->on_bytes(bytes)) {
      case io::TlsHandshake::State::kMore: return ArrivalStep::Verdict::kMore;
      case io::TlsHandshake::State::kFailed: why_ = "TLS: " + handshake_->why(); return ArrivalStep::Verdict::kRefused;
      case io::TlsHandshake::State::kDone: break;
    }
    end_handshake();
    if (is_proof_) {  // the handshake is all there is to it (RFC 8737 3)
      why_ = "TLS: a challenge of ACME was answered";
      return ArrivalStep::Verdict::kRefused;
    }
    connection.details.tls = true;
    connection.details.facts = handshake_->facts(server_name_, context_->options().note_offer);
    connection.details.context = context_;
    core_->counters().add(Counter::kHandshakes);
    const std::string_view version = connection.details.facts->protocol;
    if (version == "TLSv1.3") core_->counters().add(Counter::kHandshakesTls13);
    if (version == "TLSv1.2") core_->counters().add(Counter::kHandshakesTls12);
    if (connection.details.facts->resumed) core_->counters().add(Counter::kHandshakesResumed);
    connection.transport = handshake_->finish(std::move(connection.transport), connection.unread);
    return ArrivalStep::Verdict::kDone;
  }

  void end_handshake() {
    if (std::exchange(counted_, false)) core_->handshake_ended();
  }

  const ListenSite& listen_;
  Core* core_ = nullptr;
  std::shared_ptr<const io::TlsContext> context_;  // not null: the hello has come whole
  std::unique_ptr<io::TlsHandshake> handshake_;
  std::string server_name_;
  std::string why_;
  size_t wanted_ = 0;  // of the hello
  bool is_proof_ = false;
  bool counted_ = false;
};

}  // namespace

std::unique_ptr<ArrivalStep::Progress> TlsStep::begin() const {
  return std::make_unique<TlsProgress>(listen_);
}

}  // namespace weir::proxy
