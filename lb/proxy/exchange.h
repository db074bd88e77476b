// One request and its response: the phases of DESIGN section 6 in order. Pooled by the Core; begin() to the
// Downstream's finish() or reset() is one life.
//
//   admit -> route -> (receive a small body) -> pick -> (wait for a place) -> connect -> send -> respond -> relay ->
//   finish
//
// exchange.cc has the client's side and the end, attempt.cc pick, connect and send, attempt_end.cc failure and the
// peer's books, place.cc the queue of an upstream, response.cc the peer's answer, not_ready.cc the look into one,
// binding.cc persistence, forward_*.cc what goes onto the wire, local_answer.cc what weir
// says itself, filters.cc the location's filters, variables.cc the $names.
#pragma once
#include <memory>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/chunk.h"
#include "http/codec.h"
#include "io/connector.h"
#include "observe/record.h"
#include "policy/cluster.h"
#include "policy/wait_queue.h"
#include "proxy/downstream.h"
#include "proxy/epoch.h"
#include "proxy/relay.h"
#include "proxy/states.h"
#include "route/variable.h"
#include "upstream/connection.h"

namespace weir::proxy {

class Core;

class Exchange final : private upstream::LeaseHandler, public route::VariableSource, private DeadlineHandler {
 public:
  explicit Exchange(Core& core);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // A new life. `started_us`: when the request's first byte was read.
  void begin(Downstream& downstream, const ListenSite& listen, EpochRef epoch, http::StreamId stream,
             int64_t started_us);
  // Have the memory fetched that the next request, or the response that is being read, will touch (a thousand requests
  // under way do not fit the second cache; these misses overlap with the read).
  void fetch_for_request() const;
  void fetch_for_response() const;
  Arena& arena() { return arena_; }
  http::RequestHead& request() { return request_; }
  const http::RequestHead& request() const { return request_; }

  // From the client's codec: they record and decide; turn() acts.
  void on_request();
  void on_request_body(std::string_view bytes);
  void on_request_end();
  void on_reject(const http::Reject& reject);
  // After each batch of the above. May end the exchange: the caller touches it no more.
  void turn();

  // The client's connection: FIN, RST or too slow. May end the exchange.
  void client_gone(ErrorKind kind);
  void client_eof();   // FIN: an abort, unless proxy_ignore_client_abort
  void client_sent();  // queued bytes went out

  // Derived: whether the client's socket is to be read now.
  bool wants_client_read();
  bool receiving() const {
    return request_state_ == RequestState::kReceiving || request_state_ == RequestState::kDiscarding;
  }
  bool request_complete() const { return request_state_ == RequestState::kComplete; }
  const Location& location() const { return *location_; }
  // A check took that peer down: if this request waits unanswered on it and may be sent again, it goes elsewhere.
  void peer_down(const policy::PeerState& state);

  route::VariableValue variable(const route::VariableRef& ref, Arena& arena) const override;

 private:
  // What a filter answers.
  struct Replacement {
    int status = 0;  // 0: nothing
    int retry_after = 0;
    std::string_view body, type;
  };

  // --- exchange.cc: the client's side
  void route_request();
  bool select_location(std::string_view raw_path);
  void find_client_address();
  void flush_response();
  void run_content();
  bool body_ended() const;
  void relay_request_body();
  void move(RequestState to);
  void move(ResponseState to);
  // kNone: the answer is complete, or 444's that there is none; else it breaks off.
  void finish(ErrorKind error);
  // Nothing of this life is left but what begin() sets; the Downstream is told by the caller, last.
  Downstream& end_life();
  void log_access();
  void release_budget();
  void release_cluster();

  // --- attempt.cc: the peer's side
  WorkerCluster* find_cluster();
  void next_attempt();
  policy::Pick pick_peer();
  void start_attempt(const policy::Pick& pick);
  void no_peer(const policy::Pick& pick);
  void on_connected(std::unique_ptr<io::Transport> transport, io::ConnectFailure failure);
  void lease(std::unique_ptr<upstream::Connection> connection);
  void send_request();
  void arm_upstream();
  bool leased() const { return connection_ != nullptr; }

  // --- attempt_end.cc
  void attempt_failed(ErrorKind kind);
  // Closes the books of the running attempt: record, peer's state, connection back or closed.
  void end_attempt(ErrorKind kind, bool decided);
  policy::AttemptFacts facts(ErrorKind kind) const;
  bool take_budget();
  void give_up();
  void response_broken(ErrorKind kind);
  ErrorKind broken_before_response() const;
  void peer_succeeded();
  void peer_failed(ErrorKind kind);
  // Whether the cluster has somebody who could be asked instead.
  bool has_other_peer() const;
  // Whether this attempt, had it failed so, would go to another peer.
  bool would_go_elsewhere(ErrorKind kind) const;
  bool times_matter() const;  // to the balancer: least_time
  // An entry of the log for a request that got no peer.
  void record_no_attempt(ErrorKind kind);

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
  void on_error(http::StreamId stream, ErrorKind kind, std::string_view why) override;
  void on_upstream_read_soon() const override { fetch_for_response(); }
  bool is_drained() const override {
    return suspended_ == Suspended::kNothing && downstream_->room() == Downstream::kRoom;
  }
  void on_upstream_turn() override;
  void on_upstream_closed(int code) override;
  void on_upstream_sent() override;
  void on_deadline(Deadline& which) override;
  void accept_response();
  void open_tunnel();
  void pass_on(std::string_view bytes);

  // --- not_ready.cc
  bool begin_look();
  // Takes what it looks at; returns what goes on as usual.
  std::string_view look_at(std::string_view bytes);
  void end_look();

  // --- binding.cc
  void find_bound();
  void note_binding(http::FieldList& fields);
  void add_binding_cookie(http::FieldList& fields);
  void learn_binding();
  bool came_by_tls();

  // --- forward_request.cc, forward_response.cc
  void compose_request();
  void add_forwarding_fields();
  void compose_response_head(http::OutResponse& out);
  void add_own_fields(http::FieldList& fields, int status);
  std::string_view request_target();

  // --- local_answer.cc
  // Answers itself: error_page, then a page of weir's own. `retry_after` seconds, 0: none.
  void answer(int status, int retry_after = 0);
  void answer(const Replacement& replacement);
  bool try_error_page(int status);
  void restart_in_location();
  void do_return();
  void send_redirect(int status, std::string_view target);
  void send_local(int status, std::string_view type, std::string_view body, std::string_view location = {});

  // --- filters.cc
  filter::Context filter_context(size_t index);
  bool filter_request();
  void filter_response();
  void filter_response_body(std::string_view& piece, bool end);
  void resume_filters();

  // --- variables.cc
  route::VariableValue request_variable(const route::VariableRef& ref, Arena& arena) const;
  route::VariableValue sent_framing(http::HeaderToken token, Arena& arena) const;
  route::VariableValue connection_variable(const route::VariableRef& ref, Arena& arena) const;
  route::VariableValue upstream_variable(const route::VariableRef& ref, Arena& arena) const;
  std::string_view forwarded_for(Arena& arena) const;  // $proxy_add_x_forwarded_for

  // What each request writes stands together, what most requests never touch behind it: with a thousand requests under
  // way every cache line of this is fetched from far.
  Core& core_;
  Downstream* downstream_ = nullptr;
  EpochRef epoch_;
  const ListenSite* listen_ = nullptr;
  const VirtualServer* server_ = nullptr;
  const Location* location_ = nullptr;
  Arena arena_;
  http::StreamId stream_ = http::kH1Stream;
  RequestState request_state_ = RequestState::kIdle;
  ResponseState response_state_ = ResponseState::kNone;

  // request
  bool held_ = true;  // body_ is all of the body that came so far
  bool composed_ = false;
  bool started_ = false;  // the first attempt has begun
  bool continue_sent_ = false;
  bool redirected_ = false;  // to internal_target_
  // cluster
  bool counted_in_cluster_ = false;
  bool budget_taken_ = false;
  bool queued_ = false;  // in the upstream's queue: ticket_, queue_token_
  // attempts
  bool probe_ = false;
  bool fresh_only_ = false;
  bool sending_ = false;           // the head was given to the connection
  bool request_all_sent_ = false;  // so was the rest
  bool upload_broken_ = false;     // the peer takes no more; its answer may still come
  enum class Waiting : uint8_t {
    kNothing,
    kSend,
    kResponse,
    kPlace  // in the upstream's queue
  } waiting_ = Waiting::kNothing;
  // response
  bool not_ready_ = false;          // what is looked at says so
  bool head_received_ = false;      // the final one, from the peer
  bool response_complete_ = false;  // the peer's response ended
  bool retry_wanted_ = false;
  bool head_composed_ = false;  // the client's: its body is sent_body_
  bool body_hidden_ = false;    // the status that the client gets has no body: an error_page's
  bool event_stream_ = false;   // text/event-stream: silence is normal
  bool replaced_ = false;       // a filter answers instead of the peer: replaced_by_
  bool local_ = false;          // what goes out is weir's own: local_fields_
  bool holding_ = false;        // something was put into response_held_
  enum class Suspended : uint8_t { kNothing, kRequest, kResponse } suspended_ = Suspended::kNothing;
  mutable bool has_request_id_ = false;  // it is made when first asked for

  uint16_t proxy_port_ = 0;
  int pending_answer_ = 0;      // a local answer decided inside a codec event, given by turn()
  int error_status_ = 0;        // of the error_page that is being served: what the client gets
  int retry_after_ = 0;         // seconds; 0: none
  int client_error_ = 0;        // of a send in the middle of a feed
  uint32_t tries_ = 0;          // charged ones
  int exhausted_status_ = 502;  // the client's, when no further try is allowed
  ErrorKind upstream_error_ = ErrorKind::kNone;
  MonoMs first_attempt_at_ = 0;
  std::string_view uri_;  // normalised path: $uri
  std::string_view server_name_;
  std::string_view proxy_host_;
  WorkerCluster* cluster_ = nullptr;
  const policy::Peer* peer_ = nullptr;
  const policy::Peer* bound_ = nullptr;  // whom persistence has the request ask for
  upstream::Group* group_ = nullptr;
  std::unique_ptr<upstream::Connection> connection_;
  std::unique_ptr<io::Connecting> connecting_;
  Deadline upstream_deadline_{this};
  uint64_t request_body_bytes_ = 0;
  http::OutBody sent_body_;
  uint64_t life_ = 0;     // begins and ends counted: a filter's resume() of an earlier life is ignored
  char* look_ = nullptr;  // the begin of a body that may say "not ready"; the head is held with it
  size_t filter_at_ = 0;
  size_t response_filter_at_ = 0;
  void** filter_states_ = nullptr;
  const Regex* host_regex_ = nullptr;
  SocketAddress client_;  // after real_ip
  Chain body_;            // held for the first send and for a retry
  observe::ExchangeRecord record_;
  route::LocationMatch match_;
  policy::TriedSet tried_;
  http::RequestHead request_;
  http::OutRequest out_request_;
  http::FieldList out_fields_;  // what goes to the peer; composed once
  Relay upload_;
  http::ResponseHead response_;
  Relay download_;

  // Seldom: a local answer, a queue, persistence, a look into an answer, a filter.
  http::FieldList local_fields_;      // of an answer of weir's own
  std::string_view internal_target_;  // the URI of the error_page that is served
  RegexMatch host_captures_;
  std::unique_ptr<policy::WaitQueue::Ticket> ticket_;
  std::shared_ptr<Exchange*>
      queue_token_;  // a wake-up that was posted before the request left the queue finds it expired
  MonoMs queue_until_ = 0;
  std::string_view bound_session_;  // learned before; its peer may be gone
  size_t look_size_ = 0;
  mutable char request_id_[32] = {};
  Replacement replaced_by_;
  Chain response_held_;  // body that came while a filter holds the response
};

}  // namespace weir::proxy
