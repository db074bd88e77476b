#include "proxy/core.h"
#include <algorithm>
#include <cassert>

#include "base/log.h"
#include "base/memory.h"
#include "base/prefetch.h"
#include "base/system.h"
#include "http/date.h"
#include "proxy/arrival.h"
#include "proxy/session.h"
#include "proxy/subrequest.h"
#include "proxy/tunnel.h"
#include "upstream/pool.h"

namespace weir::proxy {
namespace {

constexpr MonoMs kSpareMs = 1'000;       // between looks at what is kept warm for nobody
constexpr size_t kManySessions = 1'000;  // when so many have gone, the heap's free pages go back to the system
constexpr size_t kNotedProxies = 256;
constexpr size_t kIdleChunks = 64;

}  // namespace

Core::Core(io::Loop& loop, observe::AccessLogWriter& log_writer, CoreOptions options)
    : loop_(loop),
      options_(std::move(options)),
      rng_(options_.seed != 0 ? options_.seed : random_seed()),
      metrics_(options_.metrics != nullptr ? *options_.metrics : own_metrics_),
      log_(log_writer),
      pool_(std::make_unique<upstream::Pool>(loop, metrics_, [this](int delta) { count_connection(delta); })),
      hostname_(host_name()) {
  if (!options_.connect) options_.connect = io::connect;
  if (!options_.connect_tls) options_.connect_tls = io::connect_tls;
  loop_.at_turn_end([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) end_turn();
  });
}

Core::~Core() {
  close_all();
  pool_->close_idle();
  flush_logs(true);
}

void Core::adopt(std::shared_ptr<const Site> site, const Share& share) {
  options_.share = share;
  adopt(std::move(site));
}

void Core::adopt(std::shared_ptr<const Site> site) {
  Epoch* old = current_;
  epochs_.push_back(std::make_unique<Epoch>(*this, std::move(site), old));
  ++live_epochs_;
  current_ = epochs_.back().get();
  most_chunks_ = current_->site().buffer_memory / static_cast<size_t>(options_.share.workers) / sizeof(Chunk);
  for (Listener& listener : listeners_) listener.site = current_->listen(listener.address);
  if (old != nullptr && old->refs_ == 0) epoch_unused(*old);
}

void Core::epoch_unused(Epoch& epoch) {
  if (&epoch == current_) return;
  const auto at = std::find_if(epochs_.begin(), epochs_.end(), [&](const auto& e) { return e.get() == &epoch; });
  assert(at != epochs_.end());
  std::shared_ptr<const Site> site = std::move((*at)->site_);
  retired_epochs_.push_back(std::move(*at));  // its balancers may still be on the stack
  epochs_.erase(at);
  --live_epochs_;
  if (options_.release_site) options_.release_site(std::move(site));
}

// A session keeps a number, so an address keeps its own while the site names it or a session stands on it.
std::optional<uint16_t> Core::listener_number(const SocketAddress& address) {
  size_t free = listeners_.size();
  for (size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i].address == address) return static_cast<uint16_t>(i);
    if (listeners_[i].site == nullptr && listeners_[i].sessions == 0) free = i;
  }
  if (free > UINT16_MAX) return std::nullopt;
  if (free == listeners_.size()) listeners_.emplace_back();
  listeners_[free] = {address, current_->listen(address), 0};
  return static_cast<uint16_t>(free);
}

void Core::accept(std::unique_ptr<io::Transport> transport, const SocketAddress& listen_address) {
  metrics_.add(observe::Counter::kConnectionsAccepted);
  if (current_ == nullptr) return;  // closed by its destructor
  const std::optional<uint16_t> number = listener_number(listen_address);
  if (!number) {
    if (unnumbered_log_.pass(loop_.now()))
      log::error("client connection: closed (sessions stand on ", listeners_.size(), " listen addresses)",
                 unnumbered_log_.dropped());
    return;
  }
  const uint16_t listener = *number;
  if (listen_site(listener) == nullptr) return;
  // Where the last idle connection became busy in this very turn, one connection goes over the cap, for a listener that
  // is paused takes no further one. Only who was dealt out before that is refused.
  const bool dealt_late = full_;  // looking for room may find that there is none from now on
  if (!make_room() && dealt_late) {
    metrics_.add(observe::Counter::kConnectionsRefused);
    return;
  }
  ++listeners_[listener].sessions;
  ConnectionInfo info{transport->peer_address().unmapped(), ++connections_made_, loop_.now_us(), nullptr};
  client_opened();
  const ListenSite& listen = *listen_site(listener);
  if (listen.arrival.empty()) {
    begin_session(std::move(transport), std::move(info), listener, {});
    update_full();
    return;
  }
  auto arrival =
      std::make_unique<Arrival>(*this, EpochRef(*current_), listen, std::move(transport), std::move(info), listener);
  silent_arrivals_.push_back(*arrival);
  ++idle_count_;
  Arrival& started = *arrival.release();  // owned by that list until it is done or has ended
  started.start();
  if (draining_) started.drain();
  update_full();
}

bool Core::begin_handshake() {
  if (handshakes_ >= current_->site().max_handshakes) {
    metrics_.add(observe::Counter::kHandshakesRefused);
    if (handshake_log_.pass(loop_.now()))
      log::error("client connection: refused (worker_handshakes reached)", handshake_log_.dropped());
    return false;
  }
  ++handshakes_;
  return true;
}

bool Core::begins_long_step() {
  if (!long_steps_.empty()) return false;
  return !std::exchange(long_step_begun_, true);
}

void Core::wait_for_turn(ArrivalTurn& turn) {
  long_steps_.push_back(turn);
}

// A worker that is busy with requests gives those who arrive half of its time, or they would wait for ever: a turn of a
// thousand requests lasts as long as sixty handshakes.
void Core::next_long_steps() {
  if (long_steps_.empty()) {
    long_step_begun_ = false;
    return;
  }
  const uint64_t requests = metrics_.get(observe::Counter::kRequests);
  uint64_t left = std::exchange(long_step_begun_, false) ? 0 : 1 + (requests - requests_seen_) / kRequestsOfLongStep;
  requests_seen_ = requests;
  for (; left > 0 && !long_steps_.empty(); --left) {
    Arrival& next = long_steps_.front()->arrival;
    long_steps_.front()->unlink();
    next.take_turn();
  }
  if (!long_steps_.empty()) loop_.hurry();
}

// Of the one protocol that there is; where ALPN or the listener names another, its session is made here.
void Core::begin_session(std::unique_ptr<io::Transport> transport, ConnectionInfo info, uint16_t listener,
                         std::string_view early) {
  auto session = std::make_unique<Session>(*this, std::move(transport), std::move(info), listener);
  sessions_.push_back(*session);
  Session& started = *session.release();  // owned by sessions_ until session_closed()
  started.start();
  if (draining_) started.drain();  // it was waiting in the listener's queue
  if (!early.empty()) started.begin_with(early);
}

void Core::arrival_done(Arrival& arrival, std::unique_ptr<io::Transport> transport, ConnectionInfo info,
                        uint16_t listener, std::string_view early) {
  if (arrival.is_silent()) --idle_count_;
  arrival.unlink();
  loop_.bury(std::unique_ptr<Arrival>(&arrival));
  if (listen_site(listener) == nullptr) {  // a reload took the listener away
    transport->close();
    --listeners_[listener].sessions;
    client_closed();
    return;
  }
  begin_session(std::move(transport), std::move(info), listener, early);
}

void Core::arrival_ended(Arrival& arrival) {
  if (arrival.is_silent()) --idle_count_;
  arrival.unlink();
  --listeners_[arrival.listener()].sessions;
  loop_.bury(std::unique_ptr<Arrival>(&arrival));
  client_closed();
}

void Core::session_closed(Session& session) {
  if (session.waits()) --idle_count_;
  session.unlink();
  --listeners_[session.listener()].sessions;
  loop_.bury(std::unique_ptr<Session>(&session));
  client_closed();
}

Tunnel& Core::add_tunnel(std::unique_ptr<Tunnel> tunnel) {
  tunnels_.push_back(*tunnel);
  client_opened();
  return *tunnel.release();
}

Tunnel& Core::replace_session(Session& session, std::unique_ptr<Tunnel> tunnel) {
  tunnels_.push_back(*tunnel);
  session.unlink();
  --listeners_[session.listener()].sessions;
  loop_.bury(std::unique_ptr<Session>(&session));
  return *tunnel.release();
}

void Core::tunnel_closed(Tunnel& tunnel) {
  tunnel.unlink();
  loop_.bury(std::unique_ptr<Tunnel>(&tunnel));
  client_closed();
}

LoneFetch& Core::add_lone_fetch(std::unique_ptr<LoneFetch> fetch) {
  lone_fetches_.push_back(*fetch);
  ++lone_fetches_count_;
  return *fetch.release();
}

void Core::lone_fetch_ended(LoneFetch& fetch) {
  fetch.unlink();
  --lone_fetches_count_;
  loop_.bury(std::unique_ptr<LoneFetch>(&fetch));
}

void Core::client_opened() {
  most_sessions_ = std::max(most_sessions_, ++session_count_);
  count_connection(+1);
}

void Core::client_closed() {
  --session_count_;
  metrics_.add(observe::Counter::kConnectionsClosed);
  count_connection(-1);
  if (draining_ && session_count_ == 0 && options_.on_drained) options_.on_drained();
}

void Core::begin_drain(bool keep_tunnels) {
  draining_ = true;
  keep_tunnels_ = keep_tunnels;
  pool_->begin_drain();
  arrivals_.for_each([](Arrival& arrival) { arrival.drain(); });
  silent_arrivals_.for_each([](Arrival& arrival) { arrival.drain(); });
  sessions_.for_each([](Session& session) { session.drain(); });
  idle_sessions_.for_each([](Session& session) { session.drain(); });
  if (!keep_tunnels) tunnels_.for_each([](Tunnel& tunnel) { tunnel.drain(1001); });
  if (session_count_ == 0 && options_.on_drained) options_.on_drained();
}

bool Core::close_longest_waiting() {
  Session* longest = idle_sessions_.front();
  sessions_.for_each([&](Session& session) {
    if (session.is_waiting() && (longest == nullptr || session.waits_since() < longest->waits_since()))
      longest = &session;
  });
  if (longest != nullptr) longest->close();
  return longest != nullptr;
}

void Core::close_all() {
  while (Arrival* arrival = arrivals_.front()) arrival->close();
  while (Arrival* arrival = silent_arrivals_.front()) arrival->close();
  while (Session* session = sessions_.front()) session->close();
  while (Session* session = idle_sessions_.front()) session->close();
  while (Tunnel* tunnel = tunnels_.front()) tunnel->close();
  while (LoneFetch* fetch = lone_fetches_.front()) fetch->close();
  while (SubrequestLink* link = subrequests_.front()) link->subrequest.close();
  tell_subrequests();
}

void Core::flush_logs(bool all) {
  log_.flush(loop_.now(), all);
}

void Core::fetch_spares() const {
  if (const Busy* busy = free_busy_.next()) prefetch(busy, sizeof *busy);
  if (const Exchange* exchange = free_exchanges_.next()) exchange->fetch_for_request();
}

std::unique_ptr<Exchange> Core::take_exchange() {
  ++exchanges_;
  auto exchange = free_exchanges_.take();
  return exchange != nullptr ? std::move(exchange) : std::make_unique<Exchange>(*this);
}

// It is still on the stack: it is lent again from the next turn on.
void Core::give_exchange(std::unique_ptr<Exchange> exchange) {
  --exchanges_;
  ended_exchanges_.push_back(std::move(exchange));
}

void Core::reuse_exchange(std::unique_ptr<Exchange> exchange) {
  --exchanges_;
  free_exchanges_.give(std::move(exchange));
}

std::unique_ptr<Busy> Core::take_busy(const http::HeadLimits& limits) {
  auto busy = free_busy_.take();
  if (busy == nullptr) return std::make_unique<Busy>(limits);
  busy->limits = limits;
  busy->farewell.reset();
  busy->codec.reset(busy->limits);
  return busy;
}

void Core::give_busy(std::unique_ptr<Busy> busy) {
  assert(busy->exchange == nullptr);
  if (busy->stash.capacity() > 4096) busy->stash = std::string();
  busy->stash.clear();
  ended_busy_.push_back(std::move(busy));
}

// What an owner does may make others ready.
void Core::tell_subrequests() {
  while (SubrequestLink* link = ready_subrequests_.front()) {
    link->unlink();
    link->subrequest.tell();
  }
}

void Core::end_turn() {
  next_long_steps();
  if (ready_subrequests_.front() != nullptr) tell_subrequests();
  mirrors_.sweep();
  if (full_ || connections_ >= options_.share.max_connections) update_full();
  const auto recycle = [](auto& ended, auto& free) {
    for (auto& object : ended) free.give(std::move(object));
    ended.clear();
  };
  recycle(ended_exchanges_, free_exchanges_);
  recycle(ended_busy_, free_busy_);
  retired_epochs_.clear();
  run_time_upstreams_.end_turn();
  const bool surplus = free_exchanges_.can_shrink() || free_busy_.can_shrink() || encoders_.can_trim() ||
                       most_sessions_ >= kManySessions;
  if (surplus && !draining_ && !spare_deadline_.armed()) loop_.arm(spare_deadline_, loop_.now() + kSpareMs);
  if (session_count_ == 0) loop_.chunks().trim(kIdleChunks);
}

void Core::give_memory_back() {
  free_exchanges_.shrink();
  free_busy_.shrink();
  encoders_.trim();
  const bool many_left = session_count_ < most_sessions_ / 2 && most_sessions_ - session_count_ >= kManySessions;
  if (!many_left) return;
  most_sessions_ = session_count_;
  return_free_memory();
}

void Core::log_written(Millis flush) {
  if (!log_deadline_.armed()) loop_.arm(log_deadline_, loop_.now() + flush.count());
}

void Core::on_deadline(Deadline& which) {
  if (&which == &spare_deadline_) {
    give_memory_back();  // end_turn() arms it again
    return;
  }
  const MonoMs next = log_.flush(loop_.now(), false);
  if (next != kNever) loop_.arm(log_deadline_, next);
}

std::string_view Core::http_date() {
  const int64_t now = loop_.wall_us();
  if (now / 1'000'000 != date_second_) {
    date_second_ = now / 1'000'000;
    http::DateText text;
    date_ = http::imf_fixdate(now, text);
  }
  return date_;
}

int Core::utc_offset(int64_t wall_us) {
  constexpr int64_t kQuarterUs = 15LL * 60 * 1'000'000;
  if (wall_us / kQuarterUs != offset_quarter_) {
    offset_quarter_ = wall_us / kQuarterUs;
    utc_offset_ = http::utc_offset_minutes(wall_us);
  }
  return utc_offset_;
}

std::string_view Core::time_local(int64_t wall_us) {
  static_assert(sizeof log_text_ == sizeof(http::DateText));
  if (wall_us / 1'000'000 != log_second_) {
    log_second_ = wall_us / 1'000'000;
    time_local_ = http::time_local(wall_us, utc_offset(wall_us), log_text_);
  }
  return time_local_;
}

void Core::note_untrusted_proxy(const SocketAddress& address) {
  SocketAddress host = address;
  host.set_port(0);
  if (noted_proxies_.size() >= kNotedProxies ||
      std::find(noted_proxies_.begin(), noted_proxies_.end(), host) != noted_proxies_.end())
    return;
  noted_proxies_.push_back(host);
  log::warn("client ", host.ip(),
            ": X-Forwarded-Proto replaced (not a trusted proxy; if it is one of yours, name it in set_real_ip_from)");
}

}  // namespace weir::proxy
