// The location's filters on their way through an exchange: in order, each until it lets the exchange go on.
#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

using filter::Verdict;

void add_filter(Location& location, std::shared_ptr<const filter::Filter> filter) {
  const auto behind = std::find_if(location.filters.begin(), location.filters.end(),
                                   [&](const auto& other) { return other->order() > filter->order(); });
  location.filters.insert(behind, std::move(filter));
}

filter::Context Exchange::filter_context(size_t index) {
  if (filter_states_ == nullptr) {
    filter_count_ = location_->filters.size();
    filter_states_ = reinterpret_cast<filter::State**>(
        arena_.allocate(filter_count_ * sizeof(filter::State*), alignof(filter::State*)));
    std::fill_n(filter_states_, filter_count_, nullptr);
  }
  if (resume_target_ == nullptr) {
    filter::Resume::Target* self = this;
    resume_target_ = std::make_shared<filter::Resume::Target*>(self);
  }
  filter::Context context{
      *this,       arena_, core_.loop().chunks(), filter::Resume(resume_target_, life_), filter_states_[index], client_,
      maintained_, this};
  context.request = &request_.head;
  context.record = &record_;
  context.encoders = &core_.encoders();
  context.wall_us = core_.loop().wall_us();
  context.page_status = error_status_;
  context.nested = nested_ > 0;
  return context;
}

const filter::State* Exchange::filter_state(size_t index) const {
  return filter_states_ == nullptr ? nullptr : filter_states_[index];
}

// --- heads
// ------------------------------------------------------------------------------------------------------------

// True when the request may go on.
bool Exchange::filter_request() {
  const auto& filters = location_->filters;
  while (filter_at_ < filters.size()) {
    if (is_decided_ && filter::is_behind_rewrites(filters[filter_at_]->order())) {
      ++filter_at_;
      continue;
    }
    filter::Context context = filter_context(filter_at_);
    switch (filters[filter_at_]->on_request(context, request_.head)) {
      case Verdict::kContinue: ++filter_at_; break;
      case Verdict::kSuspend: suspended_ = Suspended::kRequest; return false;
      case Verdict::kMore:  // of bodies only
      case Verdict::kAnswer:
      case Verdict::kFail: answer_as_filter(context); return false;
    }
  }
  return true;
}

// As the one at filter_at_ has said, which is the last that is asked.
void Exchange::answer_as_filter(const filter::Context& context) {
  maintained_ = maintained_ || location_->filters[filter_at_]->order() == filter::Order::kMaintenance;
  filter_at_ = location_->filters.size();
  pending_answer_ = 0;  // of a regex that has failed
  phase_ = Phase::kRunning;
  answer(Replacement{context.status, context.retry_after, context.body, context.type, context.fields});
}

// A codec event: it decides, on_upstream_turn() acts.
void Exchange::filter_response() {
  const auto& filters = location_->filters;
  while (response_filter_at_ < filters.size()) {
    filter::Context context = filter_context(response_filter_at_);
    switch (filters[response_filter_at_]->on_response(context, *response_head_)) {
      case Verdict::kContinue: ++response_filter_at_; break;
      case Verdict::kSuspend: suspended_ = Suspended::kResponse; return;
      case Verdict::kMore:  // of bodies only
      case Verdict::kAnswer:
      case Verdict::kFail:
        replaced_ = true;
        replaced_by_ = {context.status, context.retry_after, context.body, context.type};
        replaced_by_.is_filters = true;
        return;
    }
  }
}

bool Exchange::is_body_changed(const http::ResponseHead& head) {
  for (size_t i = 0; i < location_->filters.size(); ++i) {
    filter::Context context = filter_context(i);
    if (location_->filters[i]->changes_body(context, head)) return true;
  }
  return false;
}

void Exchange::hold(std::string_view bytes) {
  response_held_.append(bytes);
  holding_ = true;
}

void Exchange::drop_held() {
  if (std::exchange(holding_, false)) response_held_.clear();
  if (suspended_ == Suspended::kResponse) suspended_ = Suspended::kNothing;
}

// --- bodies
// -----------------------------------------------------------------------------------------------------------

void Exchange::begin_request_run() {
  for (size_t i = 0; i < location_->filters.size(); ++i)
    if (location_->filters[i]->takes_request_body(filter_state(i))) request_run_.add_stage(i);
  if (!request_run_.is_on()) return;
  const Chain raw = std::move(request_.body);  // what came before the filters had seen the head
  request_.body = Chain(core_.loop().chunks());
  raw.for_each_piece(INT32_MAX, [this](std::string_view piece) { request_run_.put(piece); });
  if (std::exchange(request_.body_ended, false)) request_run_.put_end();
  run_request_body();
}

// Inside a feed: it ends nothing, turn() does.
void Exchange::run_request_body() {
  if (request_body_held_) return;
  Verdict verdict;
  do {  // what comes from a client comes in small pieces
    verdict = request_run_.run([this](size_t index, const filter::Piece& piece, filter::Sink& sink) {
      filter::Context context = filter_context(index);
      return location_->filters[index]->on_request_body(context, piece, sink);
    });
  } while (verdict == Verdict::kMore);
  const bool has_length = request_.head.framing == http::Framing::kLength;
  const bool is_wrong = request_run_.is_wrong(has_length ? request_.head.content_length : -1);
  if (is_wrong) note_wrong_length("request");
  if (verdict == Verdict::kFail || verdict == Verdict::kAnswer || is_wrong) {
    request_.held = false;
    request_.body.clear();
    request_run_.clear();
    pending_answer_ = 500;
    return;
  }
  request_body_held_ = verdict == Verdict::kSuspend;
  Chain& out = request_run_.out();
  if (request_.head.framing != http::Framing::kNone)
    out.for_each_piece(INT32_MAX, [this](std::string_view piece) { take_request_body(piece); });
  if (request_run_.out_ended()) request_.body_ended = true;
  if (content_ != nullptr) content_->resume();  // it holds views of the pieces until then
  out.clear();
}

void Exchange::begin_response_run() {
  if (filters_off_ || response_run_.is_on()) return;
  for (size_t i = 0; i < location_->filters.size(); ++i)
    if (location_->filters[i]->takes_response_body(filter_state(i))) response_run_.add_stage(i);
}

void Exchange::run_response_body(const http::OutResponse* head) {
  bool goes_on = false;
  if (!response_body_held_) {
    const Verdict verdict = response_run_.run([this](size_t index, const filter::Piece& piece, filter::Sink& sink) {
      filter::Context context = filter_context(index);
      return location_->filters[index]->on_response_body(context, piece, sink);
    });
    response_body_held_ = verdict == Verdict::kSuspend || verdict == Verdict::kMore;
    goes_on = verdict == Verdict::kMore;
    const bool has_length = responder_.sent_body.follows && !responder_.body_hidden;
    const bool is_wrong = response_run_.is_wrong(has_length ? responder_.sent_body.length : -1);
    if (is_wrong) note_wrong_length("response");
    if (verdict == Verdict::kFail || verdict == Verdict::kAnswer || is_wrong) {
      responder_.failed = true;
      return;
    }
  }
  Chain& out = response_run_.out();
  if (!responder_.sent_body.follows || responder_.body_hidden) out.clear();
  const bool ends = response_run_.out_ended() && responder_.state != ResponseState::kEnded;
  while ((head != nullptr || ends || !out.empty()) && responder_.client_error == 0) {
    std::string_view pieces[Relay::kMost];
    size_t bytes = 0;
    int count = 0;
    out.for_each_piece(Relay::kMost, [&](std::string_view piece) {
      bytes += piece.size();
      pieces[count++] = piece;
    });
    const bool end = ends && bytes == out.size();
    transmit({.head = head, .pieces = pieces, .count = count, .end = end});
    head = nullptr;
    out.consume(bytes);
    if (end) return;
  }
  if (goes_on && responder_.client_error == 0) run_response_body_later();
}

// The next step: in another turn of the loop, or when the client takes more.
void Exchange::run_response_body_later() {
  filters_wait_for_client_ = held_behind_filters() >= Downstream::kRoom;
  if (filters_wait_for_client_) return;
  core_.loop().post([target = std::weak_ptr(resume_target_), life = life_] {
    if (const auto held = target.lock()) static_cast<Exchange*>(*held)->run_response_step(life);
  });
}

// Filters that wait for the client: true, they run on. May have ended the exchange.
bool Exchange::run_waiting_filters() {
  if (held_behind_filters() >= Downstream::kRoom) return false;
  filters_wait_for_client_ = false;
  if (!response_body_held_) return false;
  run_response_step(life_);
  return true;
}

void Exchange::run_response_step(uint64_t life) {
  if (life != life_ || !std::exchange(response_body_held_, false)) return;
  run_response_body(nullptr);
  after_send();
}

// Who changes a length calls drop_length() in the head's hook; a body that is not as long as its head says would have
// the next message misread.
void Exchange::note_wrong_length(std::string_view what) {
  LogLimit& limit = server_->log->filters;
  if (limit.pass(core_.loop().now()))
    log::error("request ", uri_, ": filters changed the length of the ", what,
               "'s body (without drop_length; connection ", downstream_->connection().number, ")", limit.dropped());
}

// A filter has failed: what has not begun is answered 500, without the filters.
void Exchange::fail_response() {
  if (content_ != nullptr) content_->abort(ErrorKind::kLocalError);
  filters_off_ = true;
  response_run_.clear();
  response_body_held_ = filters_wait_for_client_ = false;
  responder_.failed = false;
  responder_.body.flushed();
  if (responder_.has_begun()) {
    finish(ErrorKind::kLocalError);
    return;
  }
  take_back_response();
  responder_.sent = nullptr;
  answer(500);
}

// --- on again
// ---------------------------------------------------------------------------------------------------------

void Exchange::resume(uint64_t life) {
  if (life == life_) resume_filters();
}

void Exchange::resume_filters() {
  const uint64_t life = life_;
  if (std::exchange(request_body_held_, false)) {
    run_request_body();
    turn();
    if (life != life_) return;
    downstream_->update_read();  // it may have been paused for what was held
  }
  switch (std::exchange(suspended_, Suspended::kNothing)) {
    case Suspended::kNothing: break;
    case Suspended::kFiles: suspended_ = Suspended::kFiles; return;  // no filter's
    case Suspended::kRequest:
      run_phases();
      if (life == life_) downstream_->update_read();
      return;
    case Suspended::kResponse: resume_response_head(); return;
  }
  if (!std::exchange(response_body_held_, false)) return;
  run_response_body(nullptr);
  after_send();
}

void Exchange::resume_response_head() {
  filter_response();
  if (suspended_ != Suspended::kNothing) return;
  if (response_head_ == &responder_.local) {
    send_local_response();
    return;
  }
  const Chain held = std::move(response_held_);
  response_held_ = Chain(core_.loop().chunks());
  holding_ = false;
  content_->resume_response(held);
}

// What a filter had held back has gone out: the rest may come, or that was all.
void Exchange::after_send() {
  if (responder_.client_error != 0) {
    client_gone(ErrorKind::kClientClosed);
  } else if (responder_.failed) {
    fail_response();
  } else if (responder_.state == ResponseState::kEnded) {
    finish(ErrorKind::kNone);
  } else if (content_ != nullptr) {
    content_->resume();
  }
}

void Exchange::end_filters() {
  if (filter_states_ == nullptr) return;  // none has run: there is no stage either
  request_body_held_ = response_body_held_ = filters_wait_for_client_ = false;
  request_run_.clear();
  response_run_.clear();
  for (size_t i = 0; i < filter_count_; ++i)
    if (filter_states_[i] != nullptr) filter_states_[i]->~State();
  filter_states_ = nullptr;
}

}  // namespace weir::proxy
