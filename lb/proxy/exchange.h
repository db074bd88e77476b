// One request and its response. Pooled by the Core; begin() to the Downstream's finish() or reset() is one life. Its
// phases, in order (routing.cc):
//
//   choose the server -> its rewrites -> find the location -> its rewrites -> access (filters) -> try_files -> receive
//   (a small body is held whole) -> content
//
// A rewrite to another path goes back to finding the location, an internal redirect (an error_page, a directory's
// index) to the server's rewrites. Who answers is the location's content (content.h): weir itself, or a peer
// (proxy_content.h), which then responds and relays until finish().
//
// exchange.cc has the life and the client's side, routing.cc the phases, rewriting.cc the steps of two of them,
// files.cc what they ask of the disk, respond.cc and forward_response.cc what goes to the client, local_answer.cc what
// weir says itself, internal_redirect.cc how a request goes elsewhere inside weir, filters.cc the location's filters,
// tracing.cc its trace, variables.cc the $names.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http/trace_context.h"
#include "observe/record.h"
#include "proxy/body_run.h"
#include "proxy/content.h"
#include "proxy/downstream.h"
#include "proxy/epoch.h"
#include "proxy/proxy_content.h"
#include "proxy/request.h"
#include "proxy/responder.h"
#include "proxy/states.h"
#include "proxy/subrequest_link.h"
#include "proxy/throttle.h"
#include "route/variable.h"

namespace weir::observe {
struct Span;
}

namespace weir::proxy {

class CacheContent;
class Core;
class FileContent;
struct RateSetting;

class Exchange final : public route::VariableSource, private filter::Resume::Target, private filter::Services {
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

  // Behind begin(): it is a subrequest, so that `internal` locations are open to it and neither access log nor counters
  // of clients take note of it. `target`, in its arena: what is asked for; $request_uri stays head.target.
  // `limits`: what the parent's have said; a request that they have counted is not counted again.
  void set_nested(int depth, std::string_view target, const filter::LimitsSeen& limits);
  int nested() const { return nested_; }  // how many subrequests deep; 0: a client's request
  // In its own words, before any rewrite: the client's, or those that a subrequest was begun with.
  std::string_view asked_target() const { return nested_ == 0 ? request_.head.target : nested_target_; }
  // Behind set_nested(): it is there to bring a cached answer up to date.
  void set_cache_update() { cache_update_ = true; }
  bool is_cache_update() const { return cache_update_; }

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

  // The client has gone, and the cache takes the answer all the same: nothing is sent any more.
  bool is_alone() const { return alone_; }
  void go_on_alone(Downstream& downstream);

  // Derived: whether the client's socket is to be read now.
  bool wants_client_read();
  // Bytes of the answer go out while the request is still received: a stream of both ways, as slow as its parties are.
  bool answering() const { return responder_.state == ResponseState::kBody; }
  bool receiving() const { return request_.is_receiving(); }
  bool request_complete() const { return request_.state == RequestState::kComplete; }
  // A check took that peer down.
  void peer_down(const policy::PeerState& state) { proxy_.peer_down(state); }

  route::VariableValue variable(const route::VariableRef& ref, Arena& arena) const override;

  filter::LimitsSeen& limits() override { return limits_; }

  // --- for contents: what they work on
  Core& core() const { return core_; }
  Downstream& downstream() const { return *downstream_; }
  const ListenSite& listen() const { return *listen_; }
  Epoch& epoch() const { return *epoch_; }
  const Location& location() const { return *location_; }
  const VirtualServer& server() const { return *server_; }
  Arena& arena() { return arena_; }
  Request& request() { return request_; }
  Responder& responder() { return responder_; }
  observe::ExchangeRecord& record() { return record_; }
  const SocketAddress& client() const { return client_; }  // after real_ip
  std::string_view uri() const { return uri_; }            // normalised path
  // What the peer is asked for: an internal redirect's, or the client's words.
  std::string_view target() const { return target_changed_ ? internal_target_ : request_.head.target; }
  bool path_replaced() const { return path_replaced_; }
  std::string_view server_name() const { return server_name_; }
  // What the client gets is the page of that status; 0: it gets what the content answers.
  int shown_status() const { return error_status_; }
  // Whether Range and If-* ask for something of this answer: not of the page of another status, nor of what weir reads
  // itself, to which their fields were only passed on.
  bool heeds_conditions() const { return nested_ == 0 && (error_status_ == 0 || error_status_ == 200); }
  // By the path's extension (types, default_type).
  std::string_view content_type() const;
  // With the charset that the location adds to such a type.
  std::string_view with_charset(std::string_view type);
  // Whether a filter will change the body of an answer with that head.
  bool is_body_changed(const http::ResponseHead& head);
  // The file that this path means, by root or alias; empty: there is none.
  std::string_view file_path(std::string_view path, Arena& arena) const;
  // How the client addressed the first of the proxies that are trusted, else this connection's scheme.
  std::string_view client_scheme() const;
  std::string_view forwarded_for(Arena& arena) const;  // $proxy_add_x_forwarded_for
  // Who wrote the request: whom a PROXY header announces where real_ip_header says so, as such a proxy passes requests
  // on as they are; else who is at the other end of the connection. Trusted or not with X-Forwarded-* and the like.
  const SocketAddress& sender() const;
  bool is_sender_trusted() const { return !location_->real_ip.trusted.empty() && location_->real_ip.trusts(sender()); }

  // The connection is no good for any other request either (tls_rules.cc).
  bool is_tls_refused() const { return tls_refused_; }

  // Adds weir's traceparent to what goes to a peer. Where each attempt has a span: the place of its id in that field,
  // 16 digits; else null.
  char* inject_trace(http::FieldList& fields);
  const http::TraceContext& trace() const;

  // A subrequest that ends when this exchange does.
  void subrequest_began(SubrequestLink& link) { subrequests_.push_back(link); }

  // --- for contents: what they do. Each of these may end the exchange, but for the codec events' first two.
  void move(RequestState to);
  void move(ResponseState to);
  // The head that will go to the client goes through the filters, which may hold it (is_response_held) or answer
  // instead (is_replaced).
  void begin_response(http::ResponseHead& head);
  bool is_response_held() const { return suspended_ == Suspended::kResponse; }
  bool is_replaced() const { return replaced_; }
  // Instead of begin_response(): true where an error_page answers that status. What it says is_replaced() then.
  bool intercept(const http::ResponseHead& response);
  // Keeps body that came while a filter holds the response; its size; throws it away.
  void hold(std::string_view bytes);
  size_t held_size() const { return response_held_.size(); }
  void drop_held();
  // A head that was begun and never went out.
  void take_back_response() {
    responder_.state = ResponseState::kNone;
    replaced_ = false;
  }
  void compose_response_head(http::ResponseHead& head, http::OutResponse& out);
  // The same for what weir answers of its own: nothing in it is a peer's.
  void compose_own_head(http::ResponseHead& head, http::OutResponse& out);
  // The head, when there is one, what is in responder().body, and the end, through the filters of bodies. Sets
  // responder().client_error or failed; the state is kEnded when the end has gone out.
  void send_response(const http::OutResponse* head, bool end);
  // Whether parts of a file may go to the client as they stand there: nobody on the way looks at them, counts them out
  // or changes them (filters, limit_rate, TLS). May say no only later, when the head is composed.
  bool takes_files() const;
  // The same as send_response() for such a part; it may be no more than asked by takes_files() just before, and nothing
  // may be held. Returns how much of it has gone out.
  size_t send_file(const http::OutResponse* head, const io::FilePart& file);
  // Bytes of answers that weir holds for this client, on the way to it and in filters.
  size_t response_held() const;
  // How much more the client and the filters take before the source should pause.
  size_t response_room() const;
  // Throttle's: time has passed, more may go. May end the exchange.
  void throttle_due();
  void fail_response();
  // Answers itself: error_page, then a page of weir's own. `retry_after` seconds, 0: none.
  void answer(int status, int retry_after = 0);
  void answer_text(int status, std::string_view text) { send_local(status, "text/plain", text); }  // kept until sent
  // With one more field; both live as long as the exchange.
  void answer_with(int status, std::string_view name, std::string_view value);
  void answer_return(const ReturnAction& action);
  void answer_text(std::string_view type, std::string_view text);  // 200; `text` is copied
  void answer_replaced();
  // X-Accel-Redirect: the peer sends the request to another path, or to a named location, of this server; of its own
  // answer some fields stay. Both are in the arena.
  void follow_peer(std::string_view target, const http::FieldList& fields);
  // Adds a slash to the path: 301.
  void redirect_to_directory();
  // The content gives the request away: it begins anew with that path. What FileContent has opened stays open.
  void follow_index(std::string_view path);
  void run_proxy();
  void run_files();
  void run_cached();  // proxy_pass behind a cache
  // Instead of the peer's answer, of which nothing has gone out: the one that the cache has opened for this request.
  void serve_stored();
  ProxyContent& proxy() { return proxy_; }
  // Whether the location has a peer's field not go to clients.
  bool is_hidden(const http::Field& field) const;
  // What a phase has asked FileContent for is there.
  void on_files_found();
  // This content answers, and stays whole until its end().
  void run(Content& content) { content_ = &content; }
  // Exactly once a life. kNone: the answer is complete, or 444's that there is none; else it breaks off.
  void finish(ErrorKind error, bool reset = false);  // `reset`: the client gets RST all the same
  // The client's connection and what was asked go on as a tunnel.
  void finish_as_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer);

 private:
  // What a regex of this request has matched: the newest is $1..$9, a name is that of the newest that has it. In the
  // arena, with its groups behind it.
  struct alignas(std::string_view) Captured {
    const Regex* regex;
    const Captured* older;
    int count;
    std::string_view* groups() { return reinterpret_cast<std::string_view*>(this + 1); }
    const std::string_view* groups() const { return reinterpret_cast<const std::string_view*>(this + 1); }
  };
  // What `set` has given a value. In the arena.
  struct SetValue {
    int slot;
    std::string_view text;
    SetValue* next;
  };
  // Of an answer that sent the request elsewhere: what the client gets with the other one. In the arena.
  struct KeptField {
    http::Field field;
    const KeptField* next;
  };
  // What the steps of a rewrite phase want to have answered instead of the content.
  struct Decision {
    const ReturnAction* returns = nullptr;
    int redirect_status = 0;  // 0: none
    std::string_view redirect_to = {};
  };
  enum class Phase : uint8_t {
    kServer,
    kServerRewrite,
    kLocation,
    kRewrite,
    kAccess,
    kTryFiles,
    kReceive,
    kContent,
    kRunning
  };
  // How the steps of a rewrite phase have ended.
  enum class Rewritten : uint8_t { kGoOn, kFindLocation, kDecided, kWaits /* for a file */ };
  // What a filter answers.
  struct Replacement {
    int status = 0;  // 0: nothing
    int retry_after = 0;
    std::string_view body = {}, type = {};
    const filter::AnswerField* fields = nullptr;
    bool is_filters = false;  // so that it has no further head filter to pass
  };

  // --- exchange.cc
  // Nothing of this life is left but what begin() sets; the Downstream is told by the caller, last.
  Downstream& end_life();
  void count_request();
  void tell_of_end();  // log and counters of clients
  bool leave_client(ErrorKind kind);
  void log_access();
  void take_request_body(std::string_view bytes);

  // --- routing.cc
  // Goes on from phase_ until something has to be waited for, or the content runs; the exchange may be over then.
  void run_phases();
  int choose_server();          // a status that refuses the request, or 0
  int choose_server_by_name();  // likewise
  int tls_refusal() const;      // tls_rules.cc: likewise
  void find_client_address();
  bool answers_challenge();
  bool take_path(std::string_view raw_path);
  void find_location();
  // kFindLocation: another location is to be found.
  Rewritten rewrite_location();
  // With limit_except's settings where the method is none of those.
  void enter_location(const Location& location);
  void limit_length();
  bool receive();  // true: as much is here as the content wants to begin with
  void run_content();
  // The request, changed by whoever sends it there, goes through the phases again, from that one on. One redirect too
  // many: the answer is 500.
  void redirect_internally(Phase from);
  void refuse_redirect();
  bool send_continue();

  // --- tracing.cc
  std::optional<http::TraceContext> trace_of_client() const;
  bool continues_trace() const;
  void reconsider_trace();
  void decide_tracing();
  void make_spans();
  void describe(observe::Span& span);
  void describe(observe::Span& span, const observe::Attempt& attempt, int index);

  // --- files.cc
  FileContent& files();
  std::string_view file_root(Arena& arena) const;
  std::string_view behind_root(std::string_view rest, Arena& arena) const;
  std::string_view tried_path(std::string_view name) const;
  bool try_files();
  void take_tried(std::string_view name, bool is_directory);
  void redirect_to_named(std::string_view name);
  void go_to(std::string_view path);
  std::optional<bool> is_file(const Condition& condition);
  void stop_files();

  // --- rewriting.cc
  Rewritten run_steps(const RewriteSteps& steps);
  std::optional<Rewritten> run_steps(const RewriteSteps& steps, size_t from, bool& changed);
  std::optional<bool> holds(const Condition& condition);  // nullopt: it waits
  void run_set(const RewriteStep& step);
  bool run_rewrite(const RewriteStep& step);
  void set_target();
  void capture(const Regex& regex, const RegexMatch& match);
  void note_failed(const Regex& regex) const;  // before its content has begun the request becomes a 500
  route::VariableValue set_variable(const route::VariableRef& ref) const;
  route::VariableValue named_capture(const route::VariableRef& ref) const;

  // --- forward_response.cc
  void heed(const http::Field& wish);
  void add_own_fields(http::FieldList& fields, int status);
  void announce_trailers(http::OutResponse& out);
  void add_trailers(http::FieldList& trailers);
  void add_charset(http::FieldList& fields);
  void add_expires(http::FieldList& fields);
  void rewrite_redirects(http::FieldList& fields);
  void rewrite_cookies(http::FieldList& fields);
  void fit_body_to_client(const http::ResponseHead& response, http::OutResponse& out);

  // --- internal_redirect.cc
  // Makes of the request one for that path or named location. False: there is no such, or a body that is lost.
  bool retarget(std::string_view target);
  void keep_fields(const http::FieldList& fields);
  void add_kept_fields(http::ResponseHead& head);

  // --- local_answer.cc
  void answer(const Replacement& replacement);
  bool no_peer_answered();
  bool try_error_page(int status);
  void send_redirect(int status, std::string_view target);
  void send_local_response();
  void send_local(int status, std::string_view type, std::string_view body, std::string_view location = {});

  // --- filter_services.cc
  MonoMs now() const override;
  void arm(Deadline& deadline, MonoMs due) override;
  bool run_aside(std::function<void()> work, std::function<void()> done) override;
  std::unique_ptr<filter::Inquiry> inquire(std::string_view target, filter::InquiryOwner& owner) override;
  void set_variable(int slot, std::string_view text) override;
  void hold(std::unique_ptr<filter::State> state) override { held_states_.push_back(std::move(state)); }
  void add_answer_fields(const filter::AnswerField* fields);

  // --- filters.cc
  filter::Context filter_context(size_t index);
  const filter::State* filter_state(size_t index) const;
  bool filter_request();
  void answer_as_filter(const filter::Context& context);
  void filter_response();
  void begin_request_run();
  void run_request_body();
  void begin_response_run();
  void run_response_body(const http::OutResponse* head);
  void run_response_body_later();
  void run_response_step(uint64_t life);
  bool run_waiting_filters();
  void resume(uint64_t life) override;
  void resume_filters();
  void resume_response_head();
  void after_send();
  void note_wrong_length(std::string_view what);
  void end_filters();

  // --- respond.cc
  size_t held_behind_filters() const;
  void transmit(const Message& message);
  Sent send_with_trailers(Message message);
  void send_now(const Message& message);

  // --- throttle.cc
  uint64_t rate_of(const RateSetting& setting);
  void begin_throttle();
  void send_throttled(const Message& message);

  // --- variables.cc
  void write_random_hex(std::span<char> to) const;
  route::VariableValue sent_framing(http::HeaderToken token, Arena& arena) const;
  route::VariableValue request_variable(const route::VariableRef& ref, Arena& arena) const;
  route::VariableValue announced_variable(const route::VariableRef& ref, Arena& arena) const;
  route::VariableValue connection_variable(const route::VariableRef& ref, Arena& arena) const;
  route::VariableValue tls_variable(const route::VariableRef& ref, Arena& arena) const;  // tls_variables.cc
  route::VariableValue upstream_variable(const route::VariableRef& ref, Arena& arena) const;

  // What each request writes stands together, what most requests never touch behind it.
  Core& core_;
  Downstream* downstream_ = nullptr;
  EpochRef epoch_;
  const ListenSite* listen_ = nullptr;
  const VirtualServer* server_ = nullptr;
  const Location* location_ = nullptr;
  Content* content_ = nullptr;                   // that is running
  http::ResponseHead* response_head_ = nullptr;  // given to begin_response()
  Arena arena_;
  http::StreamId stream_ = http::kH1Stream;
  IntrusiveList<SubrequestLink> subrequests_;  // that end with this exchange
  Phase phase_ = Phase::kServer;
  uint8_t redirects_ = 0;
  bool error_page_ = false;         // one is being served
  bool error_pages_over_ = false;   // and the location that had it lets none follow (recursive_error_pages)
  bool internal_ = false;           // weir's own word: `internal` locations are open to it
  bool target_changed_ = false;     // internal_target_ is what peers are asked for
  bool path_replaced_ = false;      // by `rewrite ... break`: proxy_pass's URI part puts nothing in its place
  bool is_decided_ = false;         // decision_ is the content
  bool tls_refused_ = false;        // 495, 496, 497
  bool replaced_ = false;           // a filter answers instead of the content: replaced_by_
  bool holding_ = false;            // something was put into response_held_
  bool filters_off_ = false;        // one has failed
  bool request_body_held_ = false;  // by a filter
  bool response_body_held_ = false;
  bool filters_wait_for_client_ = false;  // with a part of the response's body
  uint8_t nested_ = 0;
  filter::LimitsSeen limits_;
  bool answered_by_filter_ = false;  // Replacement::is_filters
  bool path_behind_alias_ = false;   // a try_files has found it so, in a location with a regex
  bool file_answered_ = false;       // for the `if` that has asked
  bool cache_update_ = false;
  bool alone_ = false;
  enum class Suspended : uint8_t { kNothing, kRequest, kResponse, kFiles } suspended_ = Suspended::kNothing;
  mutable bool has_request_id_ = false;  // it is made when first asked for
  mutable bool has_trace_ = false;       // the same
  mutable bool has_parent_ = false;      // the client has begun the trace: parent_span_
  mutable bool parent_sampled_ = false;
  mutable bool trace_continues_ = false;  // it was, or would have been, the client's
  bool trace_decided_ = false;            // otel_trace was asked
  bool traced_ = false;                   // and has said yes: there will be spans
  bool maintained_ = false;               // maintenance has answered
  mutable int pending_answer_ = 0;        // a local answer decided inside a codec event, given by turn()
  int error_status_ = 0;                  // of the error_page that is being served: what the client gets
  int retry_after_ = 0;                   // seconds; 0: none
  uint64_t life_ = 0;                     // begins and ends counted: a filter's resume() of an earlier life is ignored
  std::string_view uri_;
  std::string_view server_name_;
  size_t filter_at_ = 0;
  size_t response_filter_at_ = 0;
  filter::State** filter_states_ = nullptr;  // of filter_count_ filters, in the arena
  size_t filter_count_ = 0;
  const Captured* captured_ = nullptr;
  const KeptField* kept_fields_ = nullptr;
  SetValue* set_values_ = nullptr;
  const filter::AnswerField* answer_fields_ = nullptr;  // of a filter that has answered
  SocketAddress client_;
  observe::ExchangeRecord record_;
  route::LocationMatch match_;
  Request request_;
  ProxyContent proxy_;
  Responder responder_;

  // Seldom: an internal redirect, a filter, a file.
  std::unique_ptr<FileContent> files_;         // made when first needed
  std::unique_ptr<CacheContent> cache_;        // likewise
  std::string_view extra_name_, extra_value_;  // answer_with()'s
  std::string_view internal_target_;
  Decision decision_;
  mutable char request_id_[32] = {};
  mutable http::TraceContext trace_{};
  mutable std::array<char, 16> parent_span_{};
  Replacement replaced_by_;
  std::shared_ptr<filter::Resume::Target*> resume_target_;  // made when a filter first runs
  std::string_view local_body_;                             // of responder_.local
  BodyRun request_run_;
  BodyRun response_run_;
  Chain response_held_;                                      // body that came while a filter holds the response
  std::vector<std::unique_ptr<filter::State>> held_states_;  // hold()
  std::unique_ptr<http::FieldList> sent_trailers_;           // null: none
  std::string_view asked_rate_;         // by `set $limit_rate` or X-Accel-Limit-Rate; empty: limit_rate holds
  std::unique_ptr<Throttle> throttle_;  // null: its rate is not limited
  std::string_view nested_target_;      // of a subrequest: set_nested()'s
};

}  // namespace weir::proxy
