#include "proxy/exchange.h"

#include <cassert>

#include "base/log.h"
#include "base/prefetch.h"
#include "filter/real_ip.h"
#include "proxy/core.h"
#include "route/location_table.h"
#include "upstream/pool.h"

namespace weir::proxy {

Exchange::Exchange(Core& core) : core_(core), body_(core.loop().chunks()), response_held_(core.loop().chunks()) {}

Exchange::~Exchange() = default;

void Exchange::begin(Downstream& downstream, const ListenSite& listen, EpochRef epoch, http::StreamId stream,
                     int64_t started_us) {
  downstream_ = &downstream;
  listen_ = &listen;
  epoch_ = std::move(epoch);
  server_ = listen.default_server;
  location_ = &server_->fallback;
  stream_ = stream;
  arena_.reset();
  record_.clear();
  record_.started_us = started_us;
  request_state_ = RequestState::kIdle;
  response_state_ = ResponseState::kNone;
  client_ = downstream.connection().remote;
  uri_ = {};
  host_regex_ = nullptr;
  request_body_bytes_ = 0;
  pending_answer_ = error_status_ = client_error_ = retry_after_ = 0;
  server_name_ = proxy_host_ = {};
  if (redirected_) internal_target_ = {};
  redirected_ = false;
  held_ = true;
  composed_ = started_ = continue_sent_ = counted_in_cluster_ = budget_taken_ = probe_ = fresh_only_ = sending_ =
      request_all_sent_ = false;
  head_received_ = response_complete_ = retry_wanted_ = head_composed_ = body_hidden_ = event_stream_ = false;
  not_ready_ = false;
  look_ = nullptr;
  has_request_id_ = false;
  cluster_ = nullptr;
  peer_ = bound_ = nullptr;
  group_ = nullptr;
  first_attempt_at_ = 0;
  tries_ = 0;
  ++life_;
  suspended_ = Suspended::kNothing;
  filter_at_ = response_filter_at_ = 0;
  filter_states_ = nullptr;
  replaced_ = local_ = false;
  upstream_error_ = ErrorKind::kNone;
  waiting_ = Waiting::kNothing;
}

namespace {

// Of a head with that many fields: no member is read to find it out, as that would wait for the memory.
template <class Head>
constexpr size_t head_bytes(size_t fields) {
  return sizeof(Head) - (http::FieldList::kInline - fields) * sizeof(http::Field);
}

size_t bytes_between(const void* from, const void* to) {
  return static_cast<size_t>(static_cast<const char*>(to) - static_cast<const char*>(from));
}

}  // namespace

void Exchange::fetch_for_request() const {
  prefetch(this, bytes_between(this, &tried_) + sizeof(void*));
  prefetch(&request_, head_bytes<http::RequestHead>(6));
  prefetch(&out_request_, sizeof out_request_ + head_bytes<http::FieldList>(7));
  prefetch(arena_.next(), 512);
}

void Exchange::fetch_for_response() const {
  prefetch(this, bytes_between(this, &match_));
  prefetch(&tried_, 2 * sizeof(void*));
  prefetch(&response_, head_bytes<http::ResponseHead>(5));
  prefetch(&download_, 64);
  prefetch(arena_.next(), 320);
}

void Exchange::move(RequestState to) {
  if (request_state_ == to || advance(request_state_, to)) return;
  assert(false && "unlisted transition of a request");
  core_.counters().add(observe::Counter::kStateErrors);
  request_state_ = RequestState::kAborted;
}

void Exchange::move(ResponseState to) {
  if (response_state_ == to || advance(response_state_, to)) return;
  assert(false && "unlisted transition of a response");
  core_.counters().add(observe::Counter::kStateErrors);
  response_state_ = ResponseState::kAborted;
}

// --- admit, route -------------------------------------------------------------------------------------------------

void Exchange::on_request() {
  move(RequestState::kReceiving);
  core_.counters().add(observe::Counter::kRequests);
  record_.request_length = request_.head_bytes;
  route_request();
}

void Exchange::on_reject(const http::Reject& reject) {
  core_.counters().add(observe::Counter::kRequestsRejected);
  log::info("client ", downstream_->connection().remote.to_string(), ": invalid request (", reject.reason,
            "; connection ", downstream_->connection().number, ")");
  if (request_state_ == RequestState::kIdle) move(RequestState::kReceiving);
  move(RequestState::kAborted);  // nothing more can be read of it
  if (request_.request_line.empty()) request_.request_line = arena_.copy(reject.request_line);  // for the access log
  pending_answer_ = reject.status;
}

void Exchange::route_request() {
  if (!request_.host.empty() && !listen_->hosts.empty()) {
    const int index = listen_->hosts.find(request_.host, &host_captures_, &host_regex_);
    if (index >= 0) server_ = listen_->servers[static_cast<size_t>(index)];
  }
  server_name_ = server_->name;
  location_ = &server_->fallback;
  find_client_address();
  const std::string_view path = request_.form == http::TargetForm::kAsterisk ? std::string_view("/") : request_.path;
  if (!select_location(path)) {
    pending_answer_ = 400;
    return;
  }
  if (location_->max_body_bytes != 0 && request_.framing == http::Framing::kLength &&
      request_.content_length > location_->max_body_bytes) {
    held_ = false;  // what comes of it is thrown away
    pending_answer_ = 413;
  }
}

bool Exchange::select_location(std::string_view raw_path) {
  uri_ = route::normalise_path(raw_path, arena_);
  if (uri_.empty()) return false;
  match_ = server_->table.find(uri_);
  location_ = match_.index >= 0 ? server_->locations[static_cast<size_t>(match_.index)].get() : &server_->fallback;
  return true;
}

void Exchange::find_client_address() {
  const filter::RealIpOptions& real = location_->real_ip;
  if (!real.trusted.empty()) client_ = filter::real_ip(real, downstream_->connection().remote, request_);
}

// --- receive --------------------------------------------------------------------------------------------------------

void Exchange::on_request_body(std::string_view bytes) {
  request_body_bytes_ += bytes.size();
  record_.request_length += bytes.size();
  if (request_state_ != RequestState::kReceiving || pending_answer_ != 0) return;  // thrown away
  const int64_t most = location_->max_body_bytes;
  if (most != 0 && request_body_bytes_ > static_cast<uint64_t>(most)) {  // a chunked one that grew too large
    held_ = false;
    body_.clear();
    pending_answer_ = 413;
    return;
  }
  if (!sending_) {
    body_.append(bytes);
    return;
  }
  // A copy is held for a retry while it is small; beyond that, what was sent cannot be sent again.
  if (held_ && request_body_bytes_ <= location_->body_buffer_bytes) {
    body_.append(bytes);
  } else if (held_) {
    held_ = false;
    body_.clear();
  }
  while (!upload_.add(bytes)) relay_request_body();
}

void Exchange::on_request_end() {
  move(RequestState::kComplete);
}

void Exchange::turn() {
  if (pending_answer_ != 0) {
    const int status = std::exchange(pending_answer_, 0);
    if (response_state_ == ResponseState::kNone && !leased() && connecting_ == nullptr) {
      answer(status);
    } else {  // the body broke while its request was under way
      end_attempt(ErrorKind::kClientClosed, false);
      if (response_state_ == ResponseState::kNone) {
        answer(status);
      } else {
        finish(ErrorKind::kClientClosed);
      }
    }
    return;
  }
  if (started_) {
    relay_request_body();
  } else {
    run_content();
  }
}

void Exchange::run_content() {
  if (suspended_ != Suspended::kNothing || !filter_request()) return;
  // A body of up to the buffer's size is held whole before a peer is chosen; of a larger one the head start is enough.
  const bool receiving = request_state_ == RequestState::kReceiving && request_.framing != http::Framing::kNone;
  const bool large = request_.framing == http::Framing::kLength
                         ? request_.content_length > static_cast<int64_t>(location_->body_buffer_bytes)
                         : body_.size() > location_->body_buffer_bytes;
  const bool local = location_->returns || !location_->pass;
  started_ = !receiving || large || (local && request_.expect_continue);
  if (!local && request_.expect_continue && !continue_sent_ && receiving && body_.empty()) {
    continue_sent_ = true;
    http::OutResponse interim;
    interim.status = 100;
    if (downstream_->send({.head = &interim}).error < 0) {
      client_gone(ErrorKind::kClientClosed);
      return;
    }
  }
  if (!started_) return;
  if (match_.add_slash && !redirected_) {
    send_redirect(
        301, arena_.concat({route::escape_path(uri_, arena_), "/", request_.has_query ? "?" : "", request_.query}));
  } else if (location_->returns) {
    do_return();
  } else if (!location_->pass) {
    answer(404);
  } else if (location_->http10 && receiving && request_.framing == http::Framing::kChunked) {
    answer(411);  // HTTP/1.0 knows no chunks, and the length is not known
  } else if ((cluster_ = find_cluster()) == nullptr) {
    answer(502);
  } else {
    cluster_->site->inflight->fetch_add(1, std::memory_order_relaxed);
    counted_in_cluster_ = true;
    first_attempt_at_ = 0;
    if (cluster_->site->sticky != nullptr) find_bound();
    next_attempt();
  }
}

// The request as it goes to the peer has no further body.
bool Exchange::body_ended() const {
  return request_state_ == RequestState::kComplete || request_.framing == http::Framing::kNone;
}

void Exchange::relay_request_body() {
  if (!sending_ || request_all_sent_ || upload_broken_) {
    upload_.flushed();
    return;
  }
  const bool complete = body_ended();
  if (upload_.count() == 0 && !complete) return;
  http::OutBatch out;
  http::ClientCodec& codec = connection_->codec();
  if (upload_.count() > 0) codec.send_body(stream_, upload_.pieces(), upload_.count(), out);
  upload_.flushed();
  if (complete) codec.send_end(stream_, out);
  // A peer that answered early may have stopped reading: its answer still counts. The read side tells what it is, an
  // answer or a reset.
  if (connection_->send(out) < 0) {
    upload_broken_ = true;
    arm_upstream();
    return;
  }
  if (complete) {
    request_all_sent_ = true;
    connection_->request_sent();
  }
  arm_upstream();
}

bool Exchange::wants_client_read() {
  if (request_state_ == RequestState::kComplete)
    return true;  // a FIN is to be noticed; the session bounds what comes behind
  if (request_state_ == RequestState::kAborted) return false;
  if (request_state_ == RequestState::kDiscarding) return true;
  if (!started_) return true;  // it is held whole first: up to body_buffer_bytes, whatever the marks of a relay are
  return upload_.update(sending_ ? connection_->queued() : body_.size());
}

// --- respond, relay -------------------------------------------------------------------------------------------------

void Exchange::flush_response() {
  Message message;
  http::OutResponse head;
  if (response_state_ == ResponseState::kHead) {
    compose_response_head(head);
    message.head = &head;
    move(response_complete_ && download_.count() == 0 ? ResponseState::kEnded : ResponseState::kBody);
  }
  if (body_hidden_) download_.flushed();
  if (download_.count() > 0) {
    if (!location_->filters.empty()) {
      for (int i = 0; i < download_.count(); ++i)
        filter_response_body(download_.piece(i), response_complete_ && i + 1 == download_.count());
    }
    for (int i = 0; i < download_.count(); ++i) record_.body_bytes_sent += download_.pieces()[i].size();
    message.pieces = download_.pieces();
    message.count = download_.count();
    download_.flushed();
  }
  if (response_complete_) {
    message.end = true;
    move(ResponseState::kEnded);
  }
  const Sent sent = downstream_->send(message);
  record_.bytes_sent += sent.bytes;
  if (sent.error < 0) client_error_ = sent.error;
}

// --- the client's side goes wrong
// -------------------------------------------------------------------------------------

void Exchange::client_eof() {
  if (request_state_ == RequestState::kComplete && location_->ignore_client_abort) return;
  client_gone(ErrorKind::kClientClosed);
}

void Exchange::client_gone(ErrorKind kind) {
  end_attempt(kind, false);
  const bool answered = response_state_ != ResponseState::kNone && response_state_ != ResponseState::kHead;
  if (!answered && kind == ErrorKind::kClientTimeout) {
    move(RequestState::kAborted);
    answer(408);
    return;
  }
  if (!answered) record_.status = traits(kind).status;
  finish(kind);
}

void Exchange::client_sent() {
  if (leased() && head_received_) {
    const bool want = download_.update_room(downstream_->room());
    connection_->want_read(want);
    if (want && waiting_ == Waiting::kNothing) arm_upstream();
  }
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

void Exchange::release_budget() {
  if (budget_taken_) cluster_->site->budget->give();
  budget_taken_ = false;
}

void Exchange::release_cluster() {
  leave_queue();
  release_budget();
  if (cluster_ != nullptr && cluster_->site->sticky != nullptr) bound_session_ = {};
  if (counted_in_cluster_) cluster_->site->inflight->fetch_sub(1, std::memory_order_relaxed);
  counted_in_cluster_ = false;
  cluster_ = nullptr;
  bound_ = nullptr;
}

void Exchange::finish(ErrorKind error) {
  assert(downstream_ != nullptr);
  upstream_deadline_.cancel();
  connecting_.reset();
  if (response_state_ != ResponseState::kEnded)
    move(error == ErrorKind::kNone ? ResponseState::kEnded : ResponseState::kAborted);
  record_.error = record_.error == ErrorKind::kNone ? error : record_.error;
  record_.ended_us = core_.loop().now_us();
  record_.ended_wall_us = core_.loop().wall_us();
  record_.connection = downstream_->connection().number;
  record_.connection_requests = downstream_->connection_requests();
  record_.completed = error == ErrorKind::kNone;
  auto& counters = core_.counters();
  const int klass = record_.status / 100;
  if (klass >= 2 && klass <= 5)
    counters.add(static_cast<observe::Counter>(static_cast<int>(observe::Counter::kResponses1xx) + klass - 1));
  counters.add(observe::Counter::kBytesReceived, record_.request_length);
  counters.add(observe::Counter::kBytesSent, record_.bytes_sent);
  log_access();
  Downstream& downstream = end_life();
  error == ErrorKind::kNone ? downstream.finish() : downstream.reset(error);
}

Downstream& Exchange::end_life() {
  release_cluster();
  body_.clear();
  if (std::exchange(holding_, false)) response_held_.clear();
  suspended_ = Suspended::kNothing;
  ++life_;
  location_ = nullptr;
  epoch_.reset();
  // Here and not in begin(), which would have to fetch them only for that.
  if (record_.attempts.size() > 0) {
    response_.clear();
    download_.reset();
    out_fields_.clear();
    tried_.clear();
  }
  if (request_.framing != http::Framing::kNone || request_.websocket) upload_.reset();
  request_.clear();
  match_ = {};
  return *std::exchange(downstream_, nullptr);
}

}  // namespace weir::proxy
