// What one worker serves with: its epoch of the site, its sessions, pools, balancers, logs and counters.
// runtime/worker.cc owns one on the worker's thread and feeds it connections; nothing here is shared with another
// thread but the snapshot, the peers' states and the counters.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "base/log.h"
#include "base/rng.h"
#include "filter/encoder.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/side_thread.h"
#include "io/tls_connect.h"
#include "io/transport.h"
#include "observe/access_log.h"
#include "observe/metrics.h"
#include "proxy/connection_info.h"
#include "proxy/epoch.h"
#include "proxy/lone_fetch.h"
#include "proxy/mirror.h"
#include "proxy/monitor.h"
#include "proxy/run_time_upstreams.h"
#include "proxy/site.h"
#include "proxy/spare_list.h"
#include "proxy/subrequest_link.h"

namespace weir::upstream {
class Pool;
}

namespace weir::proxy {

class Arrival;
struct ArrivalTurn;
class Session;
class Exchange;
class Tunnel;
class RequestTrace;
struct Busy;

// What one of several workers has of what is for all of them.
struct Share {
  int workers = 1;
  uint32_t max_connections = 65'536;  // clients and upstream connections together
};

struct CoreOptions {
  int worker = 0;
  Share share;  // until adopt() brings another
  uint64_t seed = 0;
  // Where it counts; outlives the Core. Null: a slab of its own.
  observe::MetricSlab* metrics = nullptr;
  // Files: the kernel's caches are asked on the loop; false: everything goes to the pool, as when they have nothing.
  bool asks_file_caches = true;
  // How peers are reached; empty: io::connect. The simulation puts peers of its own here.
  io::ConnectFunction connect;
  // And over TLS; empty: io::connect_tls.
  io::TlsConnectFunction connect_tls;
  // The last reference to an old snapshot goes here, so that control frees it and no worker stalls. May be empty.
  std::function<void(std::shared_ptr<const Site>)> release_site;
  // Every connection below the cap is in use and none is idle (true), or that is over: listeners pause and resume. May
  // be empty.
  std::function<void(bool full)> on_full;
  // After begin_drain(): no session is left. May be empty.
  std::function<void()> on_drained;
  // How control is asked for pages about weir itself; its answers come on this Core's thread. Empty: there are none.
  std::function<void(MonitorQuestion, MonitorAnswer)> ask_control;
  // How the hosts that only requests name are asked for; answers come on this Core's thread. Empty: nobody is asked.
  io::ResolveFunction resolve;
  RequestTrace* trace = nullptr;  // null: nobody wants to know
};

class Core final : private DeadlineHandler {
 public:
  Core(io::Loop& loop, observe::AccessLogWriter& log_writer, CoreOptions options);
  ~Core();  // closes every session at once
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Serves new requests from this site; running exchanges keep theirs. Before the first accept() there must be one.
  void adopt(std::shared_ptr<const Site> site);
  // With that share from now on: what is taken beyond it is given back as it ends, idle connections where others come.
  void adopt(std::shared_ptr<const Site> site, const Share& share);
  // A client connection on the listener of that configured address. A site without that address any more closes it.
  void accept(std::unique_ptr<io::Transport> transport, const SocketAddress& listen_address);
  // Graceful end: idle sessions close (after a request that is already on its way), busy ones finish with Connection:
  // close, WebSockets get close 1001 at a frame boundary. on_drained when none is left.
  void begin_drain() { begin_drain(false); }
  // With `keep_tunnels` WebSockets live on; close_all_tunnels() ends that.
  void begin_drain(bool keep_tunnels);
  // While draining: as close_tunnels(), of all peers.
  void close_all_tunnels(uint16_t code, Millis spread);
  // A check took this peer down: idempotent requests that wait unanswered on it go elsewhere at once (rule (d) of
  // SEMANTICS 2.6), and its idle connections close.
  void peer_down(const policy::PeerState& state);
  // The open WebSockets of this peer get a close frame with that code at a frame boundary, evenly over `spread`
  // (browsers that come back all at once are a load peak).
  void close_tunnels(const std::shared_ptr<policy::PeerState>& state, uint16_t code, Millis spread);
  // Closes the client connection that has waited longest for its next request, or for the rest of its head. False: none
  // waits.
  bool close_longest_waiting();
  // Closes what is left, at once.
  void close_all();
  void flush_logs(bool all);

  // Client connections: arrivals, sessions and tunnels.
  size_t sessions() const { return session_count_; }
  // Of them: those that wait for their next request, or have said nothing yet.
  size_t idle_sessions() const { return idle_count_; }
  // Requests whose head has come and whose answer has not ended, those of weir's own too.
  size_t exchanges() const { return exchanges_; }
  // How many connections may still come: what is free below the cap and what is idle.
  size_t room() const;
  // Memory of what waits here for clients and peers, in bytes; and of proxy_buffers_memory, this worker's share.
  size_t buffered() const { return loop_.chunks().outstanding() * sizeof(Chunk); }
  size_t buffer_memory() const { return most_chunks_ * sizeof(Chunk); }
  // Places in the table of listeners: the site's, and those of former sites that sessions still stand on.
  size_t listeners() const { return listeners_.size(); }
  const observe::MetricSlab& metrics() const { return metrics_; }
  // Snapshots still referenced here, the current one included.
  int live_epochs() const { return live_epochs_; }

  // For the rest of proxy/.
  io::Loop& loop() { return loop_; }
  Rng& rng() { return rng_; }
  observe::MetricSlab& counters() { return metrics_; }
  observe::WorkerLog& log() { return log_; }
  upstream::Pool& pool() { return *pool_; }
  RunTimeUpstreams& run_time_upstreams() { return run_time_upstreams_; }
  filter::EncoderPool& encoders() { return encoders_; }
  // What waits here takes this worker's share of proxy_buffers_memory.
  bool buffers_full() const { return loop_.chunks().outstanding() >= most_chunks_; }
  Mirrors& mirrors() { return mirrors_; }
  Monitors& monitors() { return monitors_; }
  Epoch& epoch() { return *current_; }
  // Of a listener's number (a session keeps that): its configured address, and what it serves now; null when the site
  // listens there no more.
  const SocketAddress& listen_address(uint16_t listener) const { return listeners_[listener].address; }
  const ListenSite* listen_site(uint16_t listener) const { return listeners_[listener].site; }
  bool draining() const { return draining_; }
  bool closes_tunnels() const { return draining_ && !keep_tunnels_; }
  // For what takes long and has no descriptor to wait on.
  io::SideThread& side_thread() { return side_thread_; }
  // A TLS handshake begins: false where too many are under way. Else handshake_ended() follows.
  bool begin_handshake();
  void handshake_ended() { --handshakes_; }
  uint32_t handshakes() const { return handshakes_; }  // under way
  const CoreOptions& options() const { return options_; }
  // A step of an arrival is about to take long, as a handshake's work with the private key does. One a turn begins, the
  // first at once, and one more for so many requests of that turn: else a crowd that arrives would keep every request
  // waiting for all of its handshakes. False: the
  // arrival waits, first come first served.
  bool begins_long_step();
  void wait_for_turn(ArrivalTurn& turn);
  // For heads on their way out: what is written here stays until the next call, so until it was sent. Their bytes do
  // not go through the memory of a thousand exchanges.
  Arena& scratch() {
    scratch_.reset();
    return scratch_;
  }
  std::string_view http_date();  // cached for the second
  const std::string& hostname() const { return hostname_; }
  int utc_offset(int64_t wall_us);               // minutes; cached for the quarter of an hour, as zones change on those
  std::string_view time_local(int64_t wall_us);  // $time_local; cached for the second, and valid as long
  // Has the memory fetched that the next request will be given.
  void fetch_spares() const;
  std::unique_ptr<Exchange> take_exchange();
  void give_exchange(std::unique_ptr<Exchange> exchange);
  // The same for one that is off the stack: it may be lent at once.
  void reuse_exchange(std::unique_ptr<Exchange> exchange);
  std::unique_ptr<Busy> take_busy(const http::HeadLimits& limits);
  void give_busy(std::unique_ptr<Busy> busy);
  // A line was put into a log's buffer: it is handed over in time, also when nothing else happens.
  void log_written(Millis flush);
  void session_closed(Session& session);
  // The arrival's connection goes on as a session; the arrival is buried. `early`: read behind what the arrival took.
  void arrival_done(Arrival& arrival, std::unique_ptr<io::Transport> transport, ConnectionInfo info, uint16_t listener,
                    std::string_view early);
  void arrival_ended(Arrival& arrival);
  // A client connection that is a tunnel from its first byte on: owned here until tunnel_closed().
  Tunnel& add_tunnel(std::unique_ptr<Tunnel> tunnel);
  // The session's connection goes on as a tunnel; the session is buried.
  Tunnel& replace_session(Session& session, std::unique_ptr<Tunnel> tunnel);
  void tunnel_closed(Tunnel& tunnel);
  // A subrequest belongs to its owner; here it is known until it is over. `ready`: its owner is told when the turn
  // ends.
  void subrequest_began(SubrequestLink& link) { subrequests_.push_back(link); }
  void subrequest_ready(SubrequestLink& link) { ready_subrequests_.push_back(link); }
  // A client has gone whose answer goes on into a cache: false where too many do, or weir stops.
  bool may_fetch_alone() const { return !draining_ && lone_fetches_count_ < LoneFetch::kMost; }
  LoneFetch& add_lone_fetch(std::unique_ptr<LoneFetch> fetch);
  void lone_fetch_ended(LoneFetch& fetch);
  // Warns once per address that sent X-Forwarded-Proto without being trusted: a proxy before weir that set_real_ip_from
  // should name.
  void note_untrusted_proxy(const SocketAddress& address);
  // An upstream connection opened (+1) or closed (-1), a connect under way too; counted against the cap.
  void count_connection(int delta) { connections_ += static_cast<uint32_t>(delta); }
  // room.cc: whether one more connection fits below the cap. Where none does, the longest idle client connection is
  // closed for it, else the longest idle one of the pool. A client that has not sent anything yet is idle.
  bool make_room();
  LogLimit& unconnected_log() { return unconnected_log_; }
  LogLimit& no_resources_log() { return no_resources_log_; }
  // The session waits for a request, with nothing on its way, or does so no more.
  void session_waits(Session& session);
  void session_works(Session& session);
  // Its client has sent its first bytes.
  void arrival_speaks(Arrival& arrival);

 private:
  friend class Epoch;
  friend class EpochRef;
  void epoch_unused(Epoch& epoch);
  // Nullopt: every number is taken.
  std::optional<uint16_t> listener_number(const SocketAddress& address);
  bool close_longest_idle();
  void update_full();
  void begin_session(std::unique_ptr<io::Transport> transport, ConnectionInfo info, uint16_t listener,
                     std::string_view early);
  void client_opened();
  void client_closed();
  void tell_subrequests();
  void next_long_steps();
  void close_tunnels_of(const policy::PeerState* state, uint16_t code, Millis spread);
  void end_turn();
  void give_memory_back();
  void on_deadline(Deadline& which) override;

  static constexpr size_t kMostAside = 256;
  static constexpr uint64_t kRequestsOfLongStep = 16;  // take about as long as one

  io::Loop& loop_;
  CoreOptions options_;
  io::SideThread side_thread_{loop_, kMostAside};
  Rng rng_;
  observe::MetricSlab own_metrics_;
  observe::MetricSlab& metrics_;
  observe::WorkerLog log_;
  std::unique_ptr<upstream::Pool> pool_;
  RunTimeUpstreams run_time_upstreams_{*this};
  filter::EncoderPool encoders_;
  struct Listener {
    SocketAddress address;
    const ListenSite* site;  // null: of a former site, and free for another once no session is left
    uint32_t sessions = 0;   // and arrivals
  };
  std::vector<Listener> listeners_;             // configured addresses that a connection came through
  std::vector<std::unique_ptr<Epoch>> epochs_;  // the current one and those that are still in use
  Epoch* current_ = nullptr;
  int live_epochs_ = 0;
  size_t most_chunks_ = 0;                              // before buffers_full()
  std::vector<std::unique_ptr<Epoch>> retired_epochs_;  // until the turn ends
  Arena scratch_;
  SpareList<Exchange> free_exchanges_;
  std::vector<std::unique_ptr<Exchange>> ended_exchanges_;  // until the turn ends
  SpareList<Busy> free_busy_;
  std::vector<std::unique_ptr<Busy>> ended_busy_;
  IntrusiveList<Arrival> arrivals_;         // owned: made by accept(), buried by arrival_done() and arrival_ended()
  IntrusiveList<Arrival> silent_arrivals_;  // owned too: whose clients have not sent anything, the oldest first
  IntrusiveList<Session> sessions_;         // owned: made by begin_session(), buried by session_closed()
  IntrusiveList<Session> idle_sessions_;    // owned too: those that wait for a request, the longest idle first
  IntrusiveList<ArrivalTurn> long_steps_;   // that wait, the next one first
  bool long_step_begun_ = false;            // in this turn
  uint64_t requests_seen_ = 0;              // when a turn with a line last ended
  size_t idle_count_ = 0;
  size_t exchanges_ = 0;
  IntrusiveList<Tunnel> tunnels_;  // owned: put here by add_tunnel() and replace_session(), buried by tunnel_closed()
  IntrusiveList<SubrequestLink> subrequests_;
  IntrusiveList<SubrequestLink> ready_subrequests_;
  IntrusiveList<LoneFetch> lone_fetches_;  // owned: put here by add_lone_fetch(), buried by lone_fetch_ended()
  size_t lone_fetches_count_ = 0;
  Mirrors mirrors_;
  Monitors monitors_{loop_};
  Deadline log_deadline_{this};
  Deadline spare_deadline_{this};
  size_t most_sessions_ = 0;                               // since memory was last given back
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // the loop's hook outlives us
  size_t session_count_ = 0;                               // client connections
  uint32_t connections_ = 0;
  uint32_t handshakes_ = 0;
  LogLimit room_log_, full_log_, unconnected_log_, no_resources_log_, unnumbered_log_, handshake_log_;
  uint64_t connections_made_ = 0;
  bool draining_ = false;
  bool keep_tunnels_ = false;  // while draining
  bool full_ = false;
  std::vector<SocketAddress> noted_proxies_;
  std::string hostname_;
  int64_t offset_quarter_ = -1;
  int utc_offset_ = 0;
  int64_t date_second_ = -1;
  std::string date_;
  int64_t log_second_ = -1;
  std::string_view time_local_;  // of log_text_
  char log_text_[32];            // http::DateText
};

}  // namespace weir::proxy
