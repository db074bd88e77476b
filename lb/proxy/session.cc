#include "proxy/session.h"

#include <algorithm>
#include <cassert>

#include "base/log.h"
#include "base/prefetch.h"
#include "proxy/core.h"
#include "proxy/tunnel.h"

namespace weir::proxy {
namespace {

// An idle client connection holds one.
static_assert(sizeof(Session) <= 200);

constexpr size_t kMostPipelined = 64 * 1024;  // bytes of further requests held while one is running
static_assert(Downstream::kRoom == Relay::kHigh);

}  // namespace

Session::Session(Core& core, std::unique_ptr<io::Transport> transport, ConnectionInfo info, uint16_t listener)
    : core_(core),
      transport_(std::move(transport)),
      info_(std::move(info)),
      since_(core.loop().now()),
      listener_(listener) {}

Session::~Session() = default;

void Session::start() {
  transport_->set_handler(this);
  wait_for_request();
  update_read();
  update_deadline();
}

const ListenSite* Session::listen_site() const {
  return core_.listen_site(listener_);
}

uint16_t Session::local_port() const {
  const SocketAddress& address = core_.listen_address(listener_);
  return address.port() != 0 || address.is_unix() ? address.port() : local_address().port();
}

// The settings that hold for the connection as it is now: the running request's, else the default server's.
const Location& Session::settings() const {
  if (state_ == State::kBusy && busy_->exchange != nullptr) return busy_->exchange->location();
  return listen_site()->default_server->fallback;
}

// Of the last answer's location, else of the server; of neither where a reload took the listener.
Farewell Session::farewell() const {
  if (busy_ != nullptr && busy_->farewell) return *busy_->farewell;
  if (listen_site() != nullptr) return Farewell(settings());
  Location none;
  none.lingering = false;
  none.client_send_timeout = Millis(5'000);
  return Farewell(none);
}

// --- reading
// ----------------------------------------------------------------------------------------------------------

size_t Session::on_read_soon() {
  prefetch(this, sizeof *this);
  if (busy_ == nullptr) core_.fetch_spares();
  return kUsualRead;
}

void Session::on_read(std::string_view bytes) {
  switch (state_) {
    case State::kClosed: return;
    case State::kFlushing:
    case State::kLingering:
      since_ = core_.loop().now();  // thrown away; lingering_timeout is between reads, lingering_time in all
      update_deadline();
      return;
    case State::kIdle:
    case State::kReading:
    case State::kBusy: break;
  }
  if (state_ == State::kIdle) {
    if (listen_site() == nullptr) {  // a reload took the listener away
      close();
      return;
    }
    stop_waiting();
    busy_ = core_.take_busy(listen_site()->default_server->settings.limits);
    state_ = State::kReading;
  }
  // A head begins; empty lines before it begin nothing.
  if (state_ == State::kReading && !busy_->codec.inside_request() &&
      bytes.find_first_not_of("\r\n") != std::string_view::npos)
    since_ = core_.loop().now();
  if (state_ == State::kReading && busy_->stash.empty()) busy_->request_started_us = core_.loop().now_us();
  if (state_ == State::kBusy && busy_->exchange != nullptr && busy_->exchange->receiving()) since_ = core_.loop().now();
  feed(bytes);
}

void Session::feed(std::string_view bytes) {
  assert(!feeding_);
  feeding_ = true;
  bool from_stash = false;
  if (!busy_->stash.empty()) {
    if (!bytes.empty()) busy_->stash.append(bytes);
    bytes = busy_->stash;
    from_stash = true;
  }
  size_t at = 0;
  while (state_ == State::kReading || state_ == State::kBusy) {
    if (state_ == State::kReading) {
      if (listen_site() == nullptr) {  // a reload took the listener away
        close_when_flushed(true);
        break;
      }
      if (is_throttled()) break;
    }
    at += busy_->codec.feed(bytes.substr(at), *this);
    if (state_ != State::kBusy) break;  // a part of a head
    busy_->exchange->turn();            // may end it: finish() or reset() has then chosen the next state
    if (spent_ != nullptr) core_.reuse_exchange(std::move(spent_));
    if (state_ != State::kReading || at >= bytes.size()) break;
    busy_->request_started_us = core_.loop().now_us();
  }
  feeding_ = false;
  if (state_ == State::kClosed || state_ == State::kFlushing || state_ == State::kLingering) return;
  if (from_stash) {
    busy_->stash.erase(0, at);
  } else if (at < bytes.size()) {
    busy_->stash.assign(bytes.substr(at));
  }
  if (state_ == State::kReading && busy_->stash.empty() && !busy_->codec.inside_request()) {
    become_idle();
    return;
  }
  if (state_ == State::kBusy && eof_) {  // a request that was pipelined before the FIN: its body may not be whole
    busy_->exchange->client_eof();
    if (state_ == State::kClosed) return;
  }
  if (state_ == State::kReading && eof_ && !throttled_) {  // the rest of a head will not come
    close_when_flushed(false);
    return;
  }
  update_read();
  update_deadline();
}

bool Session::is_throttled() {
  const size_t queued = transport_->queued();
  throttled_ = throttled_ ? queued > Relay::kLow : queued >= Relay::kHigh;
  return throttled_;
}

void Session::become_idle() {
  state_ = State::kIdle;
  core_.give_busy(std::move(busy_));
  if (drain_ || eof_) {
    close_when_flushed(false);
    return;
  }
  if (transport_->queued() == 0) wait_for_request();
  update_read();
  update_deadline();
}

void Session::wait_for_request() {
  if (waits_) return;
  waits_ = true;
  core_.session_waits(*this);
}

void Session::stop_waiting() {
  if (!waits_) return;
  waits_ = false;
  core_.session_works(*this);
}

void Session::update_read() {
  bool want = false;
  switch (state_) {
    case State::kIdle:
    case State::kReading: want = !is_throttled(); break;
    case State::kLingering: want = true; break;
    case State::kFlushing:
    case State::kClosed: want = false; break;
    case State::kBusy:
      want =
          busy_->exchange == nullptr || (busy_->exchange->wants_client_read() && busy_->stash.size() < kMostPipelined);
      break;
  }
  want = want && !eof_;
  const bool changed = want != reading_;
  reading_ = want;
  transport_->want_read(want);
  if (!changed) return;
  const MonoMs now = core_.loop().now();
  if (!want) {
    if (busy_ != nullptr) busy_->paused_at = now;
  } else if (state_ == State::kBusy) {  // the client is not late for what weir did not read
    since_ = now;
    busy_->body_began += now - std::max(busy_->paused_at, busy_->body_began);
    update_deadline();
  }
}

void Session::on_eof() {
  eof_ = true;
  switch (state_) {
    case State::kBusy:
      update_read();
      if (busy_->exchange != nullptr) busy_->exchange->client_eof();
      return;
    case State::kFlushing: return;  // it goes on taking what is queued
    case State::kReading:
    case State::kIdle:
    case State::kLingering: close_when_flushed(false); return;
    case State::kClosed: return;
  }
}

void Session::on_transport_error(int) {
  if (state_ == State::kBusy && busy_->exchange != nullptr) {
    busy_->exchange->client_gone(ErrorKind::kClientClosed);
    return;
  }
  close();
}

// --- the codec's events
// -------------------------------------------------------------------------------------------------

void Session::begin_exchange(http::StreamId stream) {
  state_ = State::kBusy;
  ++requests_;
  busy_->exchange = core_.take_exchange();
  busy_->exchange->begin(*this, *listen_site(), EpochRef(core_.epoch()), stream, busy_->request_started_us);
}

http::HeadStorage Session::begin_request(http::StreamId stream) {
  begin_exchange(stream);
  return {&busy_->exchange->arena(), &busy_->exchange->request().head};
}

void Session::on_request(http::StreamId) {
  busy_->body_seen = 0;
  busy_->body_began = since_ = core_.loop().now();
  busy_->exchange->on_request();
}

void Session::on_body(http::StreamId, std::string_view bytes) {
  busy_->body_seen += bytes.size();
  busy_->exchange->on_request_body(bytes);
}

void Session::on_request_end(http::StreamId) {
  busy_->exchange->on_request_end();
}

void Session::on_reject(http::StreamId stream, const http::Reject& reject) {
  if (busy_->exchange == nullptr) begin_exchange(stream);
  busy_->exchange->on_reject(reject);
}

// --- writing
// --------------------------------------------------------------------------------------------------------------

void Session::on_sent() {
  sent_at_ = core_.loop().now();
  if (state_ == State::kFlushing && transport_->queued() == 0) {
    close();
    return;
  }
  if (state_ == State::kLingering) {
    if (transport_->queued() == 0) {  // from here on it is the client's turn
      since_ = sent_at_;
      update_deadline();
    }
    return;
  }
  if (state_ == State::kIdle || state_ == State::kReading) {
    if (transport_->queued() == 0 && state_ == State::kIdle) {
      since_ = sent_at_;
      wait_for_request();
    }
    if (throttled_ && !is_throttled()) {
      since_ = sent_at_;
      if (state_ == State::kReading) {
        feed({});
        return;
      }
    }
    update_read();
    update_deadline();
    return;
  }
  if (state_ == State::kBusy && busy_->exchange != nullptr) busy_->exchange->client_sent();
}

// A 101 comes out of a read of the peer's connection, never of the client's.
void Session::become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) {
  assert(!feeding_);
  state_ = State::kClosed;
  deadline_.cancel();
  std::string behind;  // the request: the tunnel's first bytes
  behind.swap(busy_->stash);
  core_.give_exchange(std::move(busy_->exchange));
  core_.give_busy(std::move(busy_));
  Tunnel& opened = core_.replace_session(*this, std::move(tunnel));
  opened.start(std::move(transport_), from_peer, behind, eof_);
}

bool Session::release_exchange() {
  const bool complete = busy_->exchange->request_complete();
  const bool input_left = !complete || !busy_->stash.empty();
  if (feeding_) {
    spent_ = std::move(busy_->exchange);
  } else {
    core_.give_exchange(std::move(busy_->exchange));
  }
  return input_left;
}

void Session::reset(ErrorKind kind) {
  const bool input_left = release_exchange();
  // Where only the connection's end ends the body, an orderly one would be taken for it.
  const http::SentFraming* framing = busy_->codec.framed();
  if (traits(kind).side == Side::kClient || (framing != nullptr && framing->framing == http::Framing::kClose)) {
    transport_->reset();
    close();
    return;
  }
  close_when_flushed(input_left);
}

std::unique_ptr<Exchange> Session::leave() {
  auto exchange = std::move(busy_->exchange);
  transport_->reset();
  close();
  return exchange;
}

void Session::finish() {
  const bool input_left = release_exchange();
  if (!busy_->codec.keeps_alive()) {
    close_when_flushed(input_left);
    return;
  }
  state_ = State::kReading;
  since_ = core_.loop().now();
  busy_->codec.resume();
  if (feeding_) return;  // feed() goes on with what it holds
  if (busy_->stash.empty()) {
    become_idle();
    return;
  }
  busy_->request_started_us = core_.loop().now_us();
  feed({});
}

void Session::close_when_flushed(bool input_left) {
  since_ = sent_at_ = core_.loop().now();
  if (!eof_ && input_left && farewell().lingering) {
    state_ = State::kLingering;
    transport_->shutdown_write();
  } else if (transport_->queued() == 0) {
    close();
    return;
  } else {
    state_ = State::kFlushing;
  }
  stop_waiting();
  if (busy_ != nullptr) busy_->stash.clear();
  update_read();
  update_deadline();
}

void Session::close() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kBusy && busy_->exchange != nullptr) {
    busy_->exchange->client_gone(ErrorKind::kClientClosed);  // comes back here through reset()
    return;
  }
  state_ = State::kClosed;
  deadline_.cancel();
  transport_->close();
  if (busy_ != nullptr) core_.give_busy(std::move(busy_));
  core_.session_closed(*this);
}

void Session::drain() {
  drain_ = true;
  if (state_ == State::kIdle) {
    since_ = core_.loop().now();  // a request may be on its way already: it is served, with Connection: close
    update_deadline();
  }
}

}  // namespace weir::proxy
