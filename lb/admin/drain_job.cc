// The phases of a drain, looked after ten times a second.
#include "admin/drain_job.h"

#include <algorithm>
#include <utility>

namespace weir::admin {
namespace {

std::string counted(uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace

DrainJob::DrainJob(io::Loop& loop, std::shared_ptr<policy::PeerState> state, DrainOptions options, Hooks hooks)
    : loop_(loop),
      state_(std::move(state)),
      options_(options),
      hooks_(std::move(hooks)),
      began_(loop.now()),
      requests_before_(state_->stats.requests.load(std::memory_order_relaxed)),
      in_flight_before_(requests_in_flight(*state_)) {
  // Never at once: a worker may have picked the peer before the switch moved and count its request a moment later.
  loop_.arm(next_, began_ + kPoll.count());
}

uint32_t DrainJob::requests_in_flight(const policy::PeerState& state) {
  const uint32_t tunnels = state.tunnels.load(std::memory_order_relaxed);
  const uint32_t all = state.inflight.load(std::memory_order_relaxed);
  return all > tunnels ? all - tunnels : 0;  // the two are not read in one moment
}

Millis DrainJob::elapsed() const {
  return Millis((phase_ == Phase::kDone ? ended_ : loop_.now()) - began_);
}

void DrainJob::on_deadline(Deadline&) {
  if (phase_ == Phase::kFinishing)
    finish();
  else
    close_some();
}

void DrainJob::finish() {
  const MonoMs now = loop_.now();
  const uint32_t left = requests_left();
  if (left != 0 && now < began_ + options_.wait.count()) return loop_.arm(next_, now + kPoll.count());
  const uint64_t begun = state_->stats.requests.load(std::memory_order_relaxed) - requests_before_ + in_flight_before_;
  requests_finished_ = begun > left ? begun - left : 0;
  overdue_ = left;
  tunnels_before_ = tunnels_left();
  closing_since_ = now;
  phase_ = Phase::kClosing;
  loop_.arm(next_, now + kPoll.count());
  hooks_.close(*this);
}

void DrainJob::close_some() {
  const MonoMs now = loop_.now();
  const uint32_t left = tunnels_left();
  tunnels_closed_ = tunnels_before_ > left ? tunnels_before_ - left : 0;
  const bool in_time = now < closing_since_ + (options_.spread + kGrace).count();
  if (left != 0 && in_time) return loop_.arm(next_, now + kPoll.count());
  phase_ = Phase::kDone;
  ended_ = now;
  hooks_.done(*this);
}

std::string DrainJob::summary() const {
  const int64_t tenths = elapsed().count() / 100;
  std::string text = "drained in " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
                     " s: " + counted(requests_finished_, "request") + " finished, " +
                     counted(tunnels_closed_, "WebSocket") + " closed";
  if (overdue_ != 0) text += "; " + counted(overdue_, "request") + " did not finish in time";
  if (const uint32_t left = tunnels_left(); left != 0) text += "; " + counted(left, "WebSocket") + " left";
  return text;
}

const char* to_string(DrainJob::Phase phase) {
  switch (phase) {
    case DrainJob::Phase::kFinishing: return "finishing";
    case DrainJob::Phase::kClosing: return "closing";
    case DrainJob::Phase::kDone: return "done";
  }
  return "";
}

}  // namespace weir::admin
