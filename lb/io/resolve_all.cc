// resolve_all(): a channel for each list of servers, turned until all is answered or the time is over.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "io/dns_channels.h"

namespace weir::io {
namespace {

// More at once would overflow a server's receive buffer, and each question lost costs a second.
constexpr size_t kMostAtOnce = 64;
constexpr MonoMs kLookUpEvery = 50;  // at `stopped`

class Asking {
 public:
  Asking(const std::vector<DnsQuestion>& questions, MonoMs end)
      : questions_(questions), end_(end), answers_(questions.size()), ends_(questions.size(), kNever) {}

  ~Asking() { ending_ = true; }  // the channels go first

  std::vector<Result<ResolveAnswer>> run(const std::function<bool()>& stopped) {
    while (true) {
      const MonoMs now = monotonic_ms();
      if (now >= end_ || (stopped && stopped())) break;
      expire(now);
      start(now);
      if (answered_ == questions_.size()) break;
      channels_.turn(std::min(next_end(), stopped ? now + kLookUpEvery : kNever) - now);
    }
    std::vector<Result<ResolveAnswer>> out;
    for (size_t i = 0; i < questions_.size(); ++i)
      out.push_back(answers_[i] ? *std::move(answers_[i]) : host_not_found(questions_[i].name(), "timed out"));
    return out;
  }

 private:
  bool open(size_t i) const { return i < asked_ && !answers_[i]; }

  void start(MonoMs now) {
    while (asked_ < questions_.size() && asked_ - answered_ < kMostAtOnce) {
      const size_t i = asked_++;
      ends_[i] = now + questions_[i].timeout.count();
      ares_channel channel = channels_.of(questions_[i].servers);
      if (channel == nullptr) {
        receive(i, host_not_found(questions_[i].name(), "the resolver cannot be set up"));
      } else {
        ask_dns(channel, questions_[i], [this, i](Result<ResolveAnswer> answer) { receive(i, std::move(answer)); });
      }
    }
  }

  void receive(size_t i, Result<ResolveAnswer> answer) {
    if (ending_ || answers_[i]) return;
    answers_[i] = std::move(answer);
    ++answered_;
  }

  void expire(MonoMs now) {
    for (size_t i = 0; i < asked_; ++i)
      if (open(i) && ends_[i] <= now) receive(i, host_not_found(questions_[i].name(), "timed out"));
  }

  MonoMs next_end() const {
    MonoMs next = end_;
    for (size_t i = 0; i < asked_; ++i)
      if (open(i)) next = std::min(next, ends_[i]);
    return next;
  }

  const std::vector<DnsQuestion>& questions_;
  const MonoMs end_;
  std::vector<std::optional<Result<ResolveAnswer>>> answers_;
  std::vector<MonoMs> ends_;
  size_t asked_ = 0;     // the first so many
  size_t answered_ = 0;  // of those
  bool ending_ = false;
  DnsChannels channels_;  // last: its end tells the questions that are left
};

}  // namespace

std::vector<Result<ResolveAnswer>> resolve_all(const std::vector<DnsQuestion>& questions, Millis most,
                                               const std::function<bool()>& stopped) {
  return Asking(questions, monotonic_ms() + most.count()).run(stopped);
}

}  // namespace weir::io
