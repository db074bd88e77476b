// The location's filters on their way through an exchange: in order, each until it lets the exchange go on.
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

filter::Context Exchange::filter_context(size_t index) {
  if (filter_states_ == nullptr) {
    const size_t count = location_->filters.size();
    filter_states_ = reinterpret_cast<void**>(arena_.allocate(count * sizeof(void*), alignof(void*)));
    for (size_t i = 0; i < count; ++i) filter_states_[i] = nullptr;
  }
  const auto resume = [this, life = life_] {
    if (life == life_) resume_filters();
  };
  return {*this, arena_, resume, &filter_states_[index], client_, error_page_};
}

// True when the request may go on.
bool Exchange::filter_request() {
  const auto& filters = location_->filters;
  while (filter_at_ < filters.size()) {
    filter::Context context = filter_context(filter_at_);
    switch (filters[filter_at_]->on_request(context, request_.head)) {
      case filter::Verdict::kContinue: ++filter_at_; break;
      case filter::Verdict::kSuspend: suspended_ = Suspended::kRequest; return false;
      case filter::Verdict::kAnswer:
        filter_at_ = filters.size();
        phase_ = Phase::kRunning;
        answer(Replacement{context.status, context.retry_after, context.body, context.type});
        return false;
    }
  }
  return true;
}

// A codec event: it decides, on_upstream_turn() acts.
void Exchange::filter_response() {
  const auto& filters = location_->filters;
  while (response_filter_at_ < filters.size()) {
    filter::Context context = filter_context(response_filter_at_);
    switch (filters[response_filter_at_]->on_response(context, *response_head_)) {
      case filter::Verdict::kContinue: ++response_filter_at_; break;
      case filter::Verdict::kSuspend: suspended_ = Suspended::kResponse; return;
      case filter::Verdict::kAnswer:
        replaced_ = true;
        replaced_by_ = {context.status, context.retry_after, context.body, context.type};
        return;
    }
  }
}

void Exchange::filter_response_body(std::string_view& piece, bool end) {
  const auto& filters = location_->filters;
  for (size_t i = 0; i < filters.size(); ++i) {
    filter::Context context = filter_context(i);
    filters[i]->on_response_body(context, piece, end);
  }
}

void Exchange::resume_filters() {
  switch (std::exchange(suspended_, Suspended::kNothing)) {
    case Suspended::kNothing: return;
    case Suspended::kRequest: run_phases(); return;
    case Suspended::kResponse: break;
  }
  filter_response();
  if (suspended_ != Suspended::kNothing) return;
  Chain held = std::move(response_held_);
  response_held_ = Chain(core_.loop().chunks());
  holding_ = false;
  proxy_.resume_response(held);
}

void Exchange::hold(std::string_view bytes) {
  response_held_.append(bytes);
  holding_ = true;
}

void Exchange::drop_held() {
  if (std::exchange(holding_, false)) response_held_.clear();
  if (suspended_ == Suspended::kResponse) suspended_ = Suspended::kNothing;
}

}  // namespace weir::proxy
