#include "proxy/exchange.h"

#include <cassert>

#include "base/log.h"
#include "base/prefetch.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/file_content.h"
#include "proxy/subrequest.h"
#include "proxy/tunnel.h"

namespace weir::proxy {

Exchange::Exchange(Core& core)
    : core_(core),
      request_(core.loop().chunks()),
      proxy_(core, *this),
      request_run_(core.loop().chunks()),
      response_run_(core.loop().chunks()),
      response_held_(core.loop().chunks()) {}

Exchange::~Exchange() = default;

void Exchange::begin(Downstream& downstream, const ListenSite& listen, EpochRef epoch, http::StreamId stream,
                     int64_t started_us) {
  downstream_ = &downstream;
  listen_ = &listen;
  epoch_ = std::move(epoch);
  server_ = listen.default_server;
  location_ = &server_->fallback;
  content_ = nullptr;
  stream_ = stream;
  arena_.reset();
  record_.clear();
  record_.started_us = started_us;
  request_.begin();
  responder_.begin();
  phase_ = Phase::kServer;
  client_ = downstream.connection().remote;
  uri_ = server_name_ = {};
  captured_ = nullptr;
  set_values_ = nullptr;
  kept_fields_ = nullptr;
  answer_fields_ = nullptr;
  limits_ = {};
  pending_answer_ = error_status_ = retry_after_ = 0;
  redirects_ = nested_ = 0;
  internal_ = target_changed_ = path_replaced_ = is_decided_ = tls_refused_ = false;
  error_page_ = replaced_ = has_request_id_ = has_trace_ = filters_off_ = answered_by_filter_ = false;
  trace_decided_ = traced_ = maintained_ = false;
  path_behind_alias_ = file_answered_ = cache_update_ = error_pages_over_ = alone_ = false;
  extra_name_ = {};
  ++life_;
  suspended_ = Suspended::kNothing;
  filter_at_ = response_filter_at_ = 0;
  filter_states_ = nullptr;
}

void Exchange::set_nested(int depth, std::string_view target, const filter::LimitsSeen& limits) {
  limits_ = limits;
  nested_ = static_cast<uint8_t>(depth);
  internal_ = target_changed_ = true;
  internal_target_ = nested_target_ = target;
}

namespace {

// Of a head with that many fields: no member is read to find it out, as that would wait for the memory.
template <class Head>
constexpr size_t head_bytes(size_t fields) {
  return sizeof(Head) - (http::FieldList::kInline - fields) * sizeof(http::Field);
}

}  // namespace

void Exchange::fetch_for_request() const {
  prefetch(this, bytes_between(this, &request_.head) + head_bytes<http::RequestHead>(6));
  prefetch(static_cast<const ResponderState*>(&responder_), sizeof(ResponderState));
  proxy_.fetch_for_request();
  prefetch(arena_.next(), 512);
}

void Exchange::fetch_for_response() const {
  prefetch(this, bytes_between(this, &match_));
  prefetch(static_cast<const ResponderState*>(&responder_), sizeof(ResponderState) + 64);
  proxy_.fetch_for_response();
  prefetch(arena_.next(), 320);
}

void Exchange::move(RequestState to) {
  if (request_.state == to || advance(request_.state, to)) return;
  assert(false && "unlisted transition of a request");
  core_.counters().add(observe::Counter::kStateErrors);
  request_.state = RequestState::kAborted;
}

void Exchange::move(ResponseState to) {
  if (responder_.state == to || advance(responder_.state, to)) return;
  assert(false && "unlisted transition of a response");
  core_.counters().add(observe::Counter::kStateErrors);
  responder_.state = ResponseState::kAborted;
}

// --- the request comes
// ------------------------------------------------------------------------------------------------

void Exchange::on_request() {
  move(RequestState::kReceiving);
  if (nested_ == 0) count_request();
  record_.request_length = request_.head.head_bytes;
  run_phases();
}

void Exchange::count_request() {
  using observe::Counter;
  core_.counters().add(Counter::kRequests);
  if (request_.head.version == http::Version::kHttp11)
    core_.counters().add(Counter::kRequestsHttp11);
  else if (request_.head.version == http::Version::kHttp10)
    core_.counters().add(Counter::kRequestsHttp10);
}

void Exchange::on_reject(const http::Reject& reject) {
  core_.counters().add(observe::Counter::kRequestsRejected);
  LogLimit& limit = listen_->log->invalid;
  if (log::enabled(LogLevel::kInfo) && limit.pass(core_.loop().now()))
    log::info("client ", downstream_->connection().remote.to_string(), ": invalid request (", reject.reason,
              "; connection ", downstream_->connection().number, ")", limit.dropped());
  if (request_.state == RequestState::kIdle) move(RequestState::kReceiving);
  move(RequestState::kAborted);  // nothing more can be read of it
  if (request_.head.request_line.empty())
    request_.head.request_line = arena_.copy(reject.request_line);  // for the access log
  pending_answer_ = reject.status;
}

void Exchange::on_request_body(std::string_view bytes) {
  request_.body_bytes += bytes.size();
  record_.request_length += bytes.size();
  if (request_.state != RequestState::kReceiving || pending_answer_ != 0) return;  // thrown away
  const int64_t most = location_->max_body_bytes;
  if (most != 0 && request_.body_bytes > static_cast<uint64_t>(most)) {  // a chunked one that grew too large
    request_.held = false;
    request_.body.clear();
    pending_answer_ = 413;
    return;
  }
  if (request_run_.is_on()) {
    request_run_.put(bytes);
    run_request_body();
  } else {
    take_request_body(bytes);
  }
}

void Exchange::take_request_body(std::string_view bytes) {
  if (content_ != nullptr) {
    content_->on_request_body(bytes);
  } else {
    request_.body.append(bytes);
  }
}

void Exchange::on_request_end() {
  move(RequestState::kComplete);
  if (!request_run_.is_on()) {
    request_.body_ended = true;
  } else if (pending_answer_ == 0) {
    request_run_.put_end();
    run_request_body();
  }
}

void Exchange::turn() {
  if (pending_answer_ != 0) {
    const int status = std::exchange(pending_answer_, 0);
    // The body broke: what is under way, or waits to be, must not go on while the page is on its way to the client.
    if (content_ != nullptr) content_->abort(ErrorKind::kClientClosed);
    if (responder_.state != ResponseState::kNone) {
      finish(ErrorKind::kClientClosed);
      return;
    }
    phase_ = Phase::kRunning;  // no regex of the answer makes it another
    answer(status);
    return;
  }
  if (phase_ != Phase::kRunning) {
    run_phases();
  } else if (content_ != nullptr) {
    content_->resume();
  }
}

bool Exchange::wants_client_read() {
  if (request_body_held_ && request_run_.held() >= Gate::kHigh) return false;
  if (suspended_ == Suspended::kFiles && request_.body.size() >= Gate::kHigh) return false;
  if (request_.state == RequestState::kComplete)
    return true;  // a FIN is to be noticed; the session bounds what comes behind
  if (request_.state == RequestState::kAborted) return false;
  if (request_.state == RequestState::kDiscarding) return true;
  // A filter may take its time: what comes meanwhile is bounded.
  if (suspended_ == Suspended::kRequest && request_.body.size() >= Gate::kHigh) return false;
  // Before the content it is held whole: up to body_buffer_bytes, whatever the marks of a relay are.
  return content_ == nullptr || content_->wants_request_body();
}

// --- the client's side goes wrong
// -------------------------------------------------------------------------------------

void Exchange::client_eof() {
  if (request_.state == RequestState::kComplete && location_->ignore_client_abort) return;
  client_gone(ErrorKind::kClientClosed);
}

void Exchange::client_gone(ErrorKind kind) {
  if (leave_client(kind)) return;
  if (content_ != nullptr) content_->abort(kind);
  if (!responder_.has_begun() && kind == ErrorKind::kClientTimeout) {
    move(RequestState::kAborted);
    answer(408);
    return;
  }
  if (!responder_.has_begun()) record_.status = traits(kind).status;
  finish(kind);
}

// As nginx: what goes into a cache is fetched to its end.
bool Exchange::leave_client(ErrorKind kind) {
  if (kind == ErrorKind::kClientTimeout || alone_ || nested_ != 0 || suspended_ != Suspended::kNothing ||
      content_ != &proxy_ || !proxy_.may_go_on_alone() || !core_.may_fetch_alone())
    return false;
  alone_ = true;
  record_.error = kind;
  if (!responder_.has_begun()) record_.status = traits(kind).status;
  LoneFetch& fetch = core_.add_lone_fetch(std::make_unique<LoneFetch>(core_, *downstream_));
  fetch.begin(downstream_->leave());
  return true;
}

void Exchange::go_on_alone(Downstream& downstream) {
  downstream_ = &downstream;
  throttle_.reset();
  response_run_.clear();
  response_body_held_ = filters_wait_for_client_ = false;
  responder_.client_error = 0;
  responder_.failed = false;
  responder_.body.reset();
  proxy_.go_on_alone();
}

void Exchange::client_sent() {
  if (filters_wait_for_client_ && run_waiting_filters()) return;
  if (content_ != nullptr) content_->resume();
}

// --- finish
// -----------------------------------------------------------------------------------------------------------

void Exchange::log_access() {
  if (location_->access_logs == nullptr) return;
  for (const AccessLogTarget& target : *location_->access_logs) {
    core_.log().log(target.file, target.options, *this, arena_, core_.loop().now());
    core_.log_written(target.options.flush);
  }
}

void Exchange::finish(ErrorKind error, bool reset) {
  assert(downstream_ != nullptr);
  if (responder_.state != ResponseState::kEnded)
    move(error == ErrorKind::kNone ? ResponseState::kEnded : ResponseState::kAborted);
  record_.error = record_.error == ErrorKind::kNone ? error : record_.error;
  record_.ended_us = core_.loop().now_us();
  record_.ended_wall_us = core_.loop().wall_us();
  record_.connection = downstream_->connection().number;
  record_.connection_requests = downstream_->connection_requests();
  record_.completed = error == ErrorKind::kNone && !alone_;
  if (nested_ == 0)
    tell_of_end();
  else
    downstream_->before_end(*this);
  Downstream& downstream = end_life();
  if (reset) error = ErrorKind::kClientClosed;  // for the stream only
  error == ErrorKind::kNone ? downstream.finish() : downstream.reset(error);
}

void Exchange::tell_of_end() {
  auto& counters = core_.counters();
  const int klass = std::min(record_.status / 100, 5);
  if (klass >= 2)
    counters.add(static_cast<observe::Counter>(static_cast<int>(observe::Counter::kResponses1xx) + klass - 1));
  counters.add(observe::Counter::kBytesReceived, record_.request_length);
  counters.add(observe::Counter::kBytesSent, record_.bytes_sent);
  if (record_.status != 0) counters.add_request_time(record_.ended_us - record_.started_us);
  log_access();
  if (traced_) make_spans();
}

void Exchange::finish_as_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) {
  if (traced_) make_spans();  // it ends where the tunnel opens: the hours behind that are no part of the request
  core_.counters().add(observe::Counter::kBytesReceived, record_.request_length);
  core_.counters().add(observe::Counter::kBytesSent, record_.bytes_sent);
  for (auto& state : held_states_) tunnel->hold(std::move(state));
  end_life().become_tunnel(std::move(tunnel), from_peer);
}

// Values whose next life begins elsewhere are cleared here and not in begin(), which would have to fetch them only for
// that.
Downstream& Exchange::end_life() {
  if (content_ != nullptr) std::exchange(content_, nullptr)->end();
  if (redirects_ > 0) proxy_.end();  // it may have kept what a peer said before
  if (filter_states_ != nullptr) {
    end_filters();
    drop_held();
    suspended_ = Suspended::kNothing;
  }
  if (files_ != nullptr) stop_files();
  if (cache_ != nullptr) cache_->end_life();
  while (SubrequestLink* link = subrequests_.front()) link->subrequest.close();
  held_states_.clear();
  throttle_.reset();
  sent_trailers_.reset();
  asked_rate_ = {};
  ++life_;
  location_ = nullptr;
  epoch_.reset();
  request_.end();
  match_ = {};
  return *std::exchange(downstream_, nullptr);
}

}  // namespace weir::proxy
