// A Core between transports that are strings.
#include "runtime/dry_run.h"

#include <poll.h>

#include <cerrno>
#include <functional>
#include <list>
#include <utility>

#include "base/arena.h"
#include "base/log_mute.h"
#include "http/h1_codec.h"
#include "io/loop.h"
#include "observe/access_log.h"
#include "proxy/core.h"
#include "proxy/location.h"
#include "proxy/request_trace.h"

namespace weir::runtime {
namespace {

constexpr MonoMs kMost = 5'000;  // for all of it
constexpr std::string_view kPeerAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// One connection as its far end sees it; it outlives the transport.
struct Wire {
  io::TransportHandler* handler = nullptr;
  std::string* out = nullptr;  // what weir writes
  std::function<void()> on_out;
  SocketAddress peer, local;
  uint64_t sent = 0;
  bool closed = false;
};

class CaughtTransport final : public io::Transport {
 public:
  explicit CaughtTransport(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  ~CaughtTransport() override { CaughtTransport::close(); }
  void set_handler(io::TransportHandler* handler) override { wire_->handler = handler; }
  void want_read(bool) override {}
  int send(const std::string_view* pieces, int count, size_t* accepted) override {
    if (wire_->closed) return -ENOTCONN;
    size_t bytes = 0;
    for (int i = 0; i < count; ++i) {
      wire_->out->append(pieces[i]);
      bytes += pieces[i].size();
    }
    wire_->sent += bytes;
    if (accepted != nullptr) *accepted = bytes;
    if (wire_->on_out) wire_->on_out();
    return 0;
  }
  size_t queued() const override { return 0; }
  uint64_t bytes_sent() const override { return wire_->sent; }
  void shutdown_write() override {}
  void close() override {
    wire_->closed = true;
    wire_->handler = nullptr;
  }
  void reset() override { close(); }
  bool closed() const override { return wire_->closed; }
  SocketAddress peer_address() const override { return wire_->peer; }
  SocketAddress local_address() const override { return wire_->local; }

 private:
  const std::shared_ptr<Wire> wire_;
};

// A connection that is made in the next turn.
class CaughtConnecting final : public io::Connecting {
 public:
  explicit CaughtConnecting(OnDone done) : done_(std::make_shared<OnDone>(std::move(done))) {}
  ~CaughtConnecting() override { *done_ = nullptr; }
  const std::shared_ptr<OnDone>& done() const { return done_; }

 private:
  const std::shared_ptr<OnDone> done_;
};

class EndOfAnswer final : public http::ClientCodec::Handler {
 public:
  Arena& response_arena(http::StreamId) override { return arena_; }
  http::ResponseHead& response_head(http::StreamId) override { return head_; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId) override {}
  void on_body(http::StreamId, std::string_view) override {}
  void on_response_end(http::StreamId) override { reached = true; }
  void on_error(http::StreamId, ErrorKind, std::string_view) override { reached = true; }
  bool reached = false;

 private:
  Arena arena_;
  http::ResponseHead head_;
};

class Run final : private proxy::RequestTrace {
 public:
  Run(const std::shared_ptr<const proxy::Site>& site, const DryRequest& request, io::Loop& loop)
      : site_(site), request_(request), loop_(loop) {}

  DryRun run() {
    proxy::CoreOptions options;
    options.seed = 1;
    options.trace = this;
    options.connect = [this](io::Loop&, const SocketAddress& address, const io::ConnectOptions&,
                             io::Connecting::OnDone done) { return connect(address, std::move(done)); };
    options.connect_tls = [this](io::Loop&, const io::ConnectFunction&, const SocketAddress& address,
                                 const io::ConnectOptions&, const io::TlsPeer& peer,
                                 std::function<void(io::TlsConnected)> done) {
      auto connecting = connect(
          address, [done = std::move(done)](std::unique_ptr<io::Transport> transport, const io::ConnectFailure&) {
            done({std::move(transport), {}, false});
          });
      out_.sent.back().tls = true;
      out_.sent.back().tls_name = peer.name;
      return connecting;
    };
    options.resolve = [this](const io::DnsQuestion& question, Millis, const io::ResolveTold& told) {
      out_.asked = question.host + ":" + std::to_string(question.port);
      // Of those kept for documents (RFC 5737): only that something is sent.
      told(io::ResolveAnswer{{{*SocketAddress::from_ip("192.0.2.1", question.port)}}}, kNever);
    };
    proxy::Core core(loop_, log_writer_, std::move(options));
    core.adopt(site_);
    const auto client = std::make_shared<Wire>();
    client->out = &out_.answer;
    client->peer = request_.client;
    client->local = request_.listen;
    core.accept(std::make_unique<CaughtTransport>(client), request_.listen);
    loop_.post([&] {
      if (client->handler != nullptr) client->handler->on_read(request_.bytes);
    });
    const MonoMs end = monotonic_ms() + kMost;
    while (!is_answered() && !client->closed && monotonic_ms() < end) {
      loop_.turn(false);
      ::poll(nullptr, 0, 1);
    }
    out_.finished = client->closed || is_answered();
    core.close_all();
    return std::move(out_);
  }

 private:
  std::unique_ptr<io::Connecting> connect(const SocketAddress& address, io::Connecting::OnDone done) {
    auto connecting = std::make_unique<CaughtConnecting>(std::move(done));
    const size_t index = out_.sent.size();
    out_.sent.push_back({address, {}, false, {}});
    loop_.post([this, index, done = connecting->done()] {
      if (!*done) return;
      const auto wire = std::make_shared<Wire>();
      wire->peer = out_.sent[index].peer;
      wire->out = &sent_.emplace_back();
      wire->on_out = [this, index, answered = false, at = std::weak_ptr<Wire>(wire)]() mutable {
        const auto of = at.lock();
        out_.sent[index].bytes = *of->out;
        if (std::exchange(answered, answered || of->out->find("\r\n\r\n") != std::string::npos) || !answered) return;
        loop_.post([of] {
          if (of->handler != nullptr) of->handler->on_read(kPeerAnswer);
        });
      };
      const io::Connecting::OnDone tell = std::exchange(*done, nullptr);
      tell(std::make_unique<CaughtTransport>(wire), {});
    });
    return connecting;
  }

  bool is_answered() const {
    if (out_.answer.empty()) return false;
    http::H1ClientCodec codec;
    codec.open(request_.bytes.starts_with("HEAD ") ? http::Method::kHead : http::Method::kGet, {}, http::kAnswerLimits);
    EndOfAnswer end;
    codec.feed(out_.answer, end);
    return end.reached;
  }

  void on_location(const proxy::Location& location, std::string_view path,
                   const route::VariableSource& variables) override {
    out_.limits.clear();
    Arena arena;
    const auto note = [&](const filter::LimitZone& zone) -> std::string {
      return std::string(zone.key.render(variables, arena));
    };
    for (const auto& each : location.limit_requests.limits)
      out_.limits.push_back({each.zone, note(*each.zone), each.limit, 0});
    for (const auto& each : location.limit_connections.limits)
      out_.limits.push_back({each.zone, note(*each.zone), {}, each.most});
    out_.path = path;
    out_.location = is_fallback(location) ? std::string() : location.pattern;
    out_.steps.push_back({DryStep::Kind::kLocation, out_.location, true, out_.path});
  }
  bool is_fallback(const proxy::Location& location) const {
    for (const auto& server : site_->servers)
      if (&server->fallback == &location) return true;
    return false;
  }
  void on_step(const proxy::RewriteStep& step, bool took, std::string_view path) override {
    out_.steps.push_back({DryStep::Kind::kStep, step.written, took, std::string(path)});
  }

  void on_binding(policy::BoundPeers bound) override {
    out_.asks_binding = true;
    for (const policy::Peer* peer : bound) out_.bound.push_back(peer->options.name);
  }

  const std::shared_ptr<const proxy::Site>& site_;
  const DryRequest& request_;
  DryRun out_;
  std::list<std::string> sent_;
  observe::AccessLogWriter log_writer_;  // no file is opened: it has no thread
  io::Loop& loop_;
};

}  // namespace

Result<DryRun> dry_run(const std::shared_ptr<const proxy::Site>& site, const DryRequest& request) {
  const log::Mute mute;  // "no peer available" of a request that nobody has sent
  Result<std::unique_ptr<io::Loop>> loop = io::Loop::make();
  if (!loop) return Unexpected{std::move(loop.error())};
  return Run(site, request, **loop).run();
}

}  // namespace weir::runtime
