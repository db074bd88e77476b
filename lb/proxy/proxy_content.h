// The answer of a peer: pick -> (wait for a place) -> connect -> send -> respond -> relay, with another try where the
// rule allows one. attempt.cc has pick, connect and send, attempt_end.cc failure and the peer's books, place.cc the
// queue of an upstream, response.cc the peer's answer, not_ready.cc the look into one, binding.cc persistence,
// forward_request.cc what goes to the peer.
//
// Three lives, one in the other, each a value with one reset: the content's (ProxyState), a try's (Attempt), and within
// it the look into an answer (Look).
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "http/codec.h"
#include "io/tls_connect.h"
#include "observe/record.h"
#include "policy/cluster.h"
#include "policy/retry.h"
#include "policy/wait_queue.h"
#include "proxy/content.h"
#include "proxy/epoch.h"
#include "proxy/relay.h"
#include "proxy/request.h"
#include "proxy/responder.h"
#include "upstream/lease.h"

namespace weir::proxy {

class CacheContent;
class Core;
class Downstream;
struct PassUrl;
struct RunTimeUpstream;

// The begin of a body that may say "not ready"; the head is held with it.
struct Look {
  char* text = nullptr;  // null: nothing is looked at
  size_t size = 0;
};

struct AttemptState {
  const policy::Peer* peer = nullptr;  // null: none is running
  bool probe = false;
  bool sending = false;                // the head was given to the connection
  bool all_sent = false;               // so was the rest
  bool upload_broken = false;          // the peer takes no more; its answer may still come
  bool head_received = false;          // the final one
  bool alive = false;                  // it said 102 or 103: it has time anew
  bool retry_wanted = false;           // the answer sends the request elsewhere
  bool is_stored = false;              // the cache's answer goes out in its place
  bool not_ready = false;              // what was looked at says so
  bool complete = false;               // the response has ended
  std::string_view redirect = {};      // where it sends the request inside weir
  ErrorKind error = ErrorKind::kNone;  // of the response's framing, told inside a feed
  Look look;
};

// One try at one peer.
struct Attempt : AttemptState {
  bool is_leased() const { return static_cast<bool>(lease); }
  // For the next one. The lease and the connecting are gone by then; the head goes with the content.
  void reset() { static_cast<AttemptState&>(*this) = {}; }

  upstream::Lease lease;
  std::unique_ptr<io::Connecting> connecting;
  http::ResponseHead response;
};

// Of an answer, where proxy_pass_trailers is on.
struct Trailers {
  std::string lines;
  http::FieldList fields;  // views of them
};

struct ProxyState {
  WorkerCluster* cluster = nullptr;
  RunTimeUpstream* run_time = nullptr;  // whose cluster that is; null: the snapshot's
  CacheContent* cache = nullptr;        // that has passed the request on; null: none
  policy::BoundPeers bound;             // whom persistence has the request ask for
  std::string_view bound_session;       // learned before; its peer may be gone
  std::string_view host;                // $proxy_host
  uint16_t port = 0;                    // $proxy_port
  std::string_view target;              // what a proxy_pass with variables makes of it; empty: nothing
  std::string_view upgrade;             // the protocol that the peer is asked to switch to; empty: none
  std::string_view tls_name;            // that the peer is asked for by
  char* span_id = nullptr;              // the place of the attempt's in the traceparent that peers get; null: none
  bool tls = false;                     // it is reached by TLS
  bool counted = false;                 // among the cluster's requests under way
  bool budget_taken = false;
  bool queued = false;  // in the upstream's queue: ticket, queue_token
  bool composed = false;
  bool fresh_only = false;     // no pooled connection any more
  uint32_t tries = 0;          // charged ones
  int exhausted_status = 502;  // the client's, when no further try is allowed
  MonoMs first_attempt_at = 0;
  MonoMs queue_until = 0;
  std::unique_ptr<Trailers> trailers;  // null: none came
};

class ProxyContent final : public Content, private upstream::LeaseHandler, private DeadlineHandler {
 public:
  ProxyContent(Core& core, Exchange& exchange) : core_(core), x_(exchange) {}
  ~ProxyContent() = default;

  void fetch_for_request() const;
  void fetch_for_response() const;

  // The exchange has made it its content. May end the exchange.
  void begin();
  // The same where a cache listens to what the peer answers. It outlives end().
  void begin(CacheContent& cache);
  // What variables say of whom would be asked: 0, else the status that says why nobody can be. end() follows.
  int find_target();
  bool asks_get_for_head() const;
  // Content
  void on_request_body(std::string_view piece) override;
  void resume() override;
  bool wants_request_body() override;
  void resume_response(const Chain& held) override;
  void abort(ErrorKind kind) override;
  void end() override;

  // Whether the answer goes into the cache also when nobody else is there for it: a peer has the request, and has not
  // said all.
  bool may_go_on_alone() const;
  void go_on_alone();
  // A check took that peer down: if this request waits unanswered on it and may be sent again, it goes elsewhere.
  void peer_down(const policy::PeerState& state);

  // What variables ask for.
  std::string_view host() const { return state_.host; }
  uint16_t port() const { return state_.port; }
  const http::ResponseHead& response() const { return attempt_.response; }
  const http::FieldList& trailers() const;
  // Those of the peer that the client may be sent; views.
  void add_trailers(http::FieldList& to) const;

 private:
  enum class Waiting : uint8_t {
    kNothing,
    kSend,
    kResponse,
    kPlace,  // in the upstream's queue
    kName    // for the addresses of the host that the request names
  };

  // --- attempt.cc
  int find_dynamic_target(const ProxyPass& pass);
  bool find_tls_name();
  // The connections to the cluster's peers, of the kind that this request may use.
  const upstream::NamedPeers& pooled();
  io::TlsPeer tls_peer();
  void next_attempt();
  policy::Pick pick_peer();
  void start_attempt(const policy::Pick& pick);
  void no_peer(const policy::Pick& pick);
  void on_connected(std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure);
  void on_tls_connected(io::TlsConnected result);
  void note_tls_fault(std::string_view why);
  void stop_connecting();
  void begin_lease(upstream::Lease lease);
  // What the record keeps, which may outlive a run-time upstream.
  std::string_view kept(const std::string& name) const;
  void send_request();
  std::string_view announcement();
  void begin_attempts();
  void replace_request_body();
  http::Method method_of_peer();
  std::string_view out_method();
  void relay_request_body();
  void arm_upstream();

  // --- attempt_end.cc
  void attempt_failed(ErrorKind kind);
  // Closes the books of the running attempt: record, peer's state, connection back or closed.
  void end_attempt(ErrorKind kind, bool decided);
  policy::AttemptFacts facts(ErrorKind kind) const;
  bool take_budget();
  void release_budget();
  void give_up();
  void response_broken(ErrorKind kind);
  ErrorKind broken_before_response() const;
  void peer_succeeded();
  void note_response_time(int64_t took);
  void peer_failed(ErrorKind kind);
  // Whether the cluster has somebody who could be asked instead.
  bool has_other_peer() const;
  // Whether this attempt, had it failed so, would go to another peer.
  bool would_go_elsewhere(ErrorKind kind) const;
  bool times_matter() const;  // to the balancer: least_time
  // An entry of the log for a request that got no peer.
  void record_no_attempt(ErrorKind kind, std::string_view asked, int status);

  // --- run_time_name.cc
  int find_run_time_target(const PassUrl& url, const ProxyPass& pass);
  void ask_for_name();
  void on_name(RunTimeUpstream* found, const std::string& why);
  void begin_with(RunTimeUpstream& found);
  void name_failed(std::string_view why);

  // --- place.cc
  void join_queue();
  void on_wake_up();
  void wait_longer();
  void leave_queue();
  void no_place(ErrorKind kind);
  void arm_queue();

  // --- response.cc: LeaseHandler and http::ClientCodec::Handler
  Arena& response_arena(http::StreamId stream) override;
  http::ResponseHead& response_head(http::StreamId stream) override;
  void on_interim(http::StreamId stream) override;
  void on_response(http::StreamId stream) override;
  void on_body(http::StreamId stream, std::string_view bytes) override;
  void on_response_end(http::StreamId stream) override;
  bool keeps_trailers(http::StreamId stream) const override;
  void on_trailers(http::StreamId stream, std::string_view lines) override;
  void on_error(http::StreamId stream, ErrorKind kind, std::string_view why) override;
  void on_upstream_read_soon() const override;
  size_t read_room() const override;
  void on_upstream_turn() override;
  void on_upstream_closed(int code) override;
  void on_upstream_sent() override;
  void on_deadline(Deadline& which) override;
  void accept_response();
  bool take_redirect();
  void open_tunnel();
  void pass_on(std::string_view bytes);
  void relay(std::string_view bytes);
  void flush();
  void relay_alone();
  // How much of this answer weir holds before its peer is to wait.
  Gate::Marks marks() const;
  bool may_read_on();

  // --- trailers.cc
  void read_trailers();
  void ask_for_trailers();

  // --- not_ready.cc
  bool begin_look();
  // Takes what it looks at; returns what goes on as usual.
  std::string_view look_at(std::string_view bytes);
  void end_look();

  // --- binding.cc
  void find_bound();
  bool is_bound_to(const policy::Peer& peer) const;
  void note_binding(http::FieldList& fields);
  void add_binding_cookie(http::FieldList& fields);
  void learn_binding();
  bool came_by_tls();

  // --- forward_request.cc
  void compose_request();
  void add_forwarding_fields();
  bool asks_named_host() const;
  std::string_view host_for_peer();
  std::string_view upgrade_asked_for();
  uint16_t client_port();
  std::string_view request_target();

  // What it works on, of the exchange.
  Downstream& downstream() const;
  const Location& location() const;
  Arena& arena() const;
  Request& request() const;
  Responder& responder() const;
  observe::ExchangeRecord& record() const;

  // What each request writes stands together, what most never touch behind it: with a thousand requests under way every
  // cache line of this is fetched from far.
  Core& core_;
  Exchange& x_;
  ProxyState state_;
  Waiting waiting_ = Waiting::kNothing;
  Deadline deadline_{this};
  policy::TriedSet tried_;
  http::OutRequest out_request_;
  http::FieldList out_fields_;  // what goes to the peer; composed once
  Relay upload_;
  Attempt attempt_;
  std::unique_ptr<policy::WaitQueue::Ticket> ticket_;
  // A wake-up that was posted before the request left the queue, or an answer to a question it has given up, finds it
  // expired.
  std::shared_ptr<ProxyContent*> wait_token_;
};

}  // namespace weir::proxy
