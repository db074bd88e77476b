#include "proxy/proxy_content.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/prefetch.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/request_trace.h"

namespace weir::proxy {
Downstream& ProxyContent::downstream() const {
  return x_.downstream();
}
const Location& ProxyContent::location() const {
  return x_.location();
}
Arena& ProxyContent::arena() const {
  return x_.arena();
}
Request& ProxyContent::request() const {
  return x_.request();
}
Responder& ProxyContent::responder() const {
  return x_.responder();
}
observe::ExchangeRecord& ProxyContent::record() const {
  return x_.record();
}

void ProxyContent::fetch_for_request() const {
  prefetch(this, bytes_between(this, &tried_) + sizeof(void*));
  prefetch(&out_request_,
           sizeof out_request_ + sizeof(http::FieldList) - (http::FieldList::kInline - 7) * sizeof(http::Field));
  prefetch(static_cast<const AttemptState*>(&attempt_), sizeof(AttemptState) + 2 * sizeof(void*));
}

void ProxyContent::fetch_for_response() const {
  prefetch(this, bytes_between(this, &tried_) + 2 * sizeof(void*));
  prefetch(static_cast<const AttemptState*>(&attempt_), bytes_between(&attempt_, &attempt_.response) +
                                                            sizeof(http::ResponseHead) -
                                                            (http::FieldList::kInline - 5) * sizeof(http::Field));
}

void ProxyContent::begin(CacheContent& cache) {
  state_.cache = &cache;
  begin();
}

bool ProxyContent::asks_get_for_head() const {
  return state_.cache != nullptr && state_.cache->asks_get();
}

void ProxyContent::begin() {
  if (record().attempts.size() > 0) attempt_.response.clear();  // the answer of whom it was redirected from
  if (location().request_edits.touch_body()) replace_request_body();
  if (location().http10 && request().state == RequestState::kReceiving &&
      request().head.framing == http::Framing::kChunked) {
    x_.answer(411);  // HTTP/1.0 knows no chunks, and the length is not known
    return;
  }
  if (const int status = find_target(); status != 0) {
    x_.answer(status);
    return;
  }
  state_.cluster != nullptr ? begin_attempts() : ask_for_name();
}

void ProxyContent::begin_attempts() {
  state_.cluster->site->inflight->fetch_add(1, std::memory_order_relaxed);
  state_.counted = true;
  if (state_.cluster->site->sticky != nullptr) {
    find_bound();
    if (RequestTrace* trace = core_.options().trace) trace->on_binding(state_.bound);
  }
  next_attempt();
}

// The client's own, what is still to come of it too, is thrown away.
void ProxyContent::replace_request_body() {
  Request& of = request();
  of.body.clear();
  if (of.state == RequestState::kReceiving) x_.move(RequestState::kDiscarding);
  of.held = true;
  of.body_ended = true;
  of.head.framing = http::Framing::kNone;
  if (!location().request_edits.body) return;
  const std::string_view text = location().request_edits.body->render(x_, arena());
  of.head.framing = http::Framing::kLength;
  of.head.content_length = static_cast<int64_t>(text.size());
  of.body.append(text);
}

// HEAD is what decides how an answer ends.
http::Method ProxyContent::method_of_peer() {
  if (asks_get_for_head()) return http::Method::kGet;
  const auto& method = location().request_edits.method;
  return method ? http::parse_method(out_method()) : request().head.method;
}

std::string_view ProxyContent::out_method() {
  if (asks_get_for_head()) return "GET";
  const auto& method = location().request_edits.method;
  const std::string_view text = method ? method->render(x_, arena()) : std::string_view();
  const bool is_token = !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
  return is_token ? text : request().head.method_text;
}

void ProxyContent::on_request_body(std::string_view piece) {
  if (!attempt_.sending) {
    request().body.append(piece);
    return;
  }
  // A copy is held for a retry while it is small; beyond that, what was sent cannot be sent again.
  if (request().held && request().body_bytes <= location().body_buffer_bytes) {
    request().body.append(piece);
  } else if (request().held) {
    request().held = false;
    request().body.clear();
  }
  while (!upload_.add(piece)) relay_request_body();
}

void ProxyContent::relay_request_body() {
  if (!attempt_.sending || attempt_.all_sent || attempt_.upload_broken) {
    upload_.flushed();
    return;
  }
  const bool complete = request().is_whole();
  if (upload_.count() == 0 && !complete) return;
  http::OutBatch out;
  if (upload_.count() > 0) attempt_.lease.send_body(upload_.pieces(), upload_.count(), out);
  upload_.flushed();
  if (complete) attempt_.lease.send_end(out);
  // A peer that answered early may have stopped reading: its answer still counts. The read side tells what it is, an
  // answer or a reset.
  if (attempt_.lease.send(out) < 0) {
    attempt_.upload_broken = true;
    arm_upstream();
    return;
  }
  if (complete) attempt_.all_sent = true;
  arm_upstream();
}

bool ProxyContent::may_go_on_alone() const {
  if (state_.cache == nullptr || !attempt_.is_leased() || !attempt_.all_sent || attempt_.complete) return false;
  if (attempt_.error != ErrorKind::kNone || attempt_.retry_wanted || attempt_.is_stored || !attempt_.redirect.empty())
    return false;
  const bool is_judged = attempt_.head_received && attempt_.look.text == nullptr;
  return is_judged ? state_.cache->is_storing() : state_.cache->stores();
}

void ProxyContent::go_on_alone() {
  attempt_.lease.want_read(true);
  arm_upstream();
}

void ProxyContent::resume() {
  relay_request_body();
  if (!attempt_.is_leased() || !attempt_.head_received || x_.is_response_held()) return;
  const bool want = may_read_on();
  attempt_.lease.want_read(want);
  if (want && waiting_ == Waiting::kNothing) arm_upstream();
}

bool ProxyContent::wants_request_body() {
  return upload_.update(attempt_.sending ? attempt_.lease.queued() : request().body.size());
}

// A page may be on its way for long before end(): no name, place or peer finds the request waiting any more.
void ProxyContent::abort(ErrorKind kind) {
  leave_queue();
  wait_token_.reset();
  waiting_ = Waiting::kNothing;
  end_attempt(kind, false);
}

void ProxyContent::end() {
  deadline_.cancel();
  stop_connecting();
  if (state_.queued) leave_queue();
  release_budget();
  if (state_.counted) state_.cluster->site->inflight->fetch_sub(1, std::memory_order_relaxed);
  wait_token_.reset();
  if (state_.run_time != nullptr) core_.run_time_upstreams().release(*state_.run_time);
  if (request().head.framing != http::Framing::kNone || !state_.upgrade.empty()) upload_.reset();
  if (record().attempts.size() > 0) {
    // A request that is redirected takes $upstream_http_* along, until another peer is asked: X-Accel-Redirect leads to
    // locations that go by them.
    const ResponseState state = responder().state;
    if (state == ResponseState::kEnded || state == ResponseState::kAborted) attempt_.response.clear();
    responder().body.reset();
    out_fields_.clear();
    tried_.clear();
  }
  state_ = {};
  waiting_ = Waiting::kNothing;
}

}  // namespace weir::proxy
