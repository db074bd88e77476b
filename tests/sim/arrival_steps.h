// Steps of an arrival that only tests have: a line that the client begins with, and bytes that are masked from there
// on. Between them they do what a header in front and a handshake do: read, answer, refuse, tell something of the
// connection, leave bytes unread, put a transport around the transport.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/arrival_step.h"
#include "proxy/core.h"

namespace weir::sim {

inline constexpr std::string_view kGreeting = "HELLO\n";
inline constexpr std::string_view kGreetingReply = "WELCOME\n";

// The client says the greeting and is answered; the connection counts as encrypted.
class GreetingStep final : public proxy::ArrivalStep {
 public:
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Run>(); }

 private:
  struct Run final : Progress {
    Verdict on_bytes(proxy::Arriving& connection) override {
      const size_t size = std::min(connection.unread.size(), kGreeting.size());
      if (connection.unread.substr(0, size) != kGreeting.substr(0, size)) return Verdict::kRefused;
      if (size < kGreeting.size()) return Verdict::kMore;
      connection.unread.erase(0, size);
      connection.details.tls = true;
      const std::string_view reply = kGreetingReply;
      return connection.transport->send(&reply, 1) == 0 ? Verdict::kDone : Verdict::kRefused;
    }
    std::string_view why() const override { return "no greeting"; }
  };
};

inline std::string masked(std::string_view text, char key) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c ^ key);
  return out;
}

// Every byte of the inner transport is masked.
class MaskedTransport final : public io::Transport, private io::TransportHandler {
 public:
  MaskedTransport(std::unique_ptr<io::Transport> inner, char key) : inner_(std::move(inner)), key_(key) {
    inner_->set_handler(this);
  }
  void set_handler(io::TransportHandler* handler) override { handler_ = handler; }
  void want_read(bool want) override { inner_->want_read(want); }
  int send(const std::string_view* pieces, int count, size_t* accepted) override {
    std::string all;
    for (int i = 0; i < count; ++i) all += masked(pieces[i], key_);
    const std::string_view piece = all;
    return inner_->send(&piece, 1, accepted);
  }
  size_t queued() const override { return inner_->queued(); }
  uint64_t bytes_sent() const override { return inner_->bytes_sent(); }
  void shutdown_write() override { inner_->shutdown_write(); }
  void close() override { inner_->close(); }
  void reset() override { inner_->reset(); }
  bool closed() const override { return inner_->closed(); }
  SocketAddress peer_address() const override { return inner_->peer_address(); }
  SocketAddress local_address() const override { return inner_->local_address(); }

 private:
  void on_read(std::string_view bytes) override {
    const std::string plain = masked(bytes, key_);
    if (handler_ != nullptr) handler_->on_read(plain);
  }
  void on_eof() override {
    if (handler_ != nullptr) handler_->on_eof();
  }
  void on_transport_error(int code) override {
    if (handler_ != nullptr) handler_->on_transport_error(code);
  }
  void on_sent() override {
    if (handler_ != nullptr) handler_->on_sent();
  }

  std::unique_ptr<io::Transport> inner_;
  io::TransportHandler* handler_ = nullptr;
  char key_;
};

// The first byte is the key of what follows.
class MaskStep final : public proxy::ArrivalStep {
 public:
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Run>(); }

 private:
  struct Run final : Progress {
    Verdict on_bytes(proxy::Arriving& connection) override {
      const char key = connection.unread.front();
      connection.unread = masked(std::string_view(connection.unread).substr(1), key);
      connection.transport = std::make_unique<MaskedTransport>(std::move(connection.transport), key);
      return Verdict::kDone;
    }
    std::string_view why() const override { return {}; }
  };
};

// Knows without a word of the client that the connection is encrypted.
class SilentStep final : public proxy::ArrivalStep {
 public:
  bool waits_for_bytes() const override { return false; }
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Run>(); }

 private:
  struct Run final : Progress {
    Verdict on_bytes(proxy::Arriving& connection) override {
      connection.details.tls = true;
      return Verdict::kDone;
    }
    std::string_view why() const override { return {}; }
  };
};

// A line as the greeting, whose answer takes long to work out, as a handshake's.
class LongStep final : public proxy::ArrivalStep {
 public:
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Run>(); }

 private:
  struct Run final : Progress {
    Verdict on_bytes(proxy::Arriving& connection) override {
      if (!std::exchange(waited, true) && !connection.core->begins_long_step()) return Verdict::kWaits;
      return greeting->on_bytes(connection);
    }
    std::string_view why() const override { return "no greeting"; }
    std::unique_ptr<Progress> greeting = GreetingStep().begin();
    bool waited = false;
  };
};

// Is never content.
class GreedyStep final : public proxy::ArrivalStep {
 public:
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Run>(); }

 private:
  struct Run final : Progress {
    Verdict on_bytes(proxy::Arriving&) override { return Verdict::kMore; }
    std::string_view why() const override { return {}; }
  };
};

}  // namespace weir::sim
