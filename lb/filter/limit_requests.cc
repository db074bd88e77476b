// As ngx_http_limit_req_handler has it: the last limit is taken, those before it are looked at first and counted only
// when the request passes all of them.
#include "filter/limit_requests.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace weir::filter {
namespace {

constexpr size_t kLongestKey = 65535;

// The request waits.
class Delay final : public State, private DeadlineHandler {
 public:
  Delay(Context& context, int64_t wait) : resume_(context.resume) {
    context.services->arm(deadline_, context.services->now() + wait);
  }
  bool is_over() const { return over_; }

 private:
  void on_deadline(Deadline&) override {
    over_ = true;
    const Resume resume = resume_;  // may destroy this
    resume();
  }
  Deadline deadline_{this};
  const Resume resume_;
  bool over_ = false;
};

std::string thousandths(int64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(value / 1000),
                static_cast<long long>(value % 1000));
  return text;
}

LogLevel milder(LogLevel level) {
  return level == LogLevel::kInfo ? level : static_cast<LogLevel>(static_cast<int>(level) - 1);
}

class LimitRequests final : public Filter {
 public:
  LimitRequests(LimitRequestsOptions options, std::vector<std::shared_ptr<policy::RateTable>> tables)
      : options_(std::move(options)), tables_(std::move(tables)) {}

  Order order() const override { return Order::kRequestLimit; }

  Verdict on_request(Context& context, http::RequestHead&) const override {
    if (context.slot != nullptr)
      return static_cast<Delay&>(*context.slot).is_over() ? Verdict::kContinue : Verdict::kSuspend;
    Limited& seen = context.services->limits().requests;
    if (seen != Limited::kNot) return Verdict::kContinue;

    const MonoMs now = context.services->now();
    std::vector<Counted> before;  // looked at, and to be counted
    int64_t wait = 0, excess = 0;
    const Limit* by = nullptr;
    bool any = false;
    for (size_t i = 0; i < options_.limits.size(); ++i) {
      const Limit& limit = options_.limits[i];
      const std::string_view key = limit.zone->key.render(context.variables, context.arena);
      if (key.empty()) continue;
      if (key.size() > kLongestKey) {
        if (log_.pass(now))
          log::error("limit_req zone ", limit.zone->name, ": key not counted (longer than 65535 bytes)",
                     log_.dropped());
        continue;
      }
      any = true;
      const bool last = i + 1 == options_.limits.size();
      const policy::RateTable::Answer answer =
          last ? tables_[i]->take(key, limit.limit, now) : tables_[i]->look(key, limit.limit, now);
      if (!answer.passes) return reject(context, seen, limit, answer.excess, now);
      if (!last) {
        before.push_back({i, key});
        continue;
      }
      excess = answer.excess;
      wait = limit.limit.wait(excess);
      by = &limit;
    }
    if (!any) return Verdict::kContinue;
    for (auto each = before.rbegin(); each != before.rend(); ++each) {
      const Limit& limit = options_.limits[each->index];
      const int64_t full = tables_[each->index]->count(each->key, limit.limit, now);
      const int64_t longer = limit.limit.wait(full);
      if (longer <= wait) continue;
      wait = longer;
      excess = full;
      by = &limit;
    }
    if (wait == 0) {
      seen = Limited::kPassed;
      return Verdict::kContinue;
    }
    if (log_.pass(now))
      log::line(milder(options_.level), "limit_req zone ", by->zone->name, ": request delayed (excess ",
                thousandths(excess), "; client ", context.client.ip(), dry_run(), ")", log_.dropped());
    if (options_.dry_run) {
      seen = Limited::kDelayedDryRun;
      return Verdict::kContinue;
    }
    seen = Limited::kDelayed;
    context.state<Delay>(context, wait);
    return Verdict::kSuspend;
  }

 private:
  using Limit = LimitRequestsOptions::Limit;
  struct Counted {
    size_t index;
    std::string_view key;
  };

  const char* dry_run() const { return options_.dry_run ? "; dry run" : ""; }

  Verdict reject(Context& context, Limited& seen, const Limit& limit, int64_t excess, MonoMs now) const {
    if (log_.pass(now))
      log::line(options_.level, "limit_req zone ", limit.zone->name, ": request rejected (excess ", thousandths(excess),
                "; client ", context.client.ip(), dry_run(), ")", log_.dropped());
    if (options_.dry_run) {
      seen = Limited::kRejectedDryRun;
      return Verdict::kContinue;
    }
    seen = Limited::kRejected;
    context.status = options_.status;
    return Verdict::kAnswer;
  }

  const LimitRequestsOptions options_;
  const std::vector<std::shared_ptr<policy::RateTable>> tables_;
  mutable LogLimit log_;
};

}  // namespace

std::shared_ptr<const Filter> make_limit_requests(LimitRequestsOptions options,
                                                  std::vector<std::shared_ptr<policy::RateTable>> tables) {
  return std::make_shared<LimitRequests>(std::move(options), std::move(tables));
}

}  // namespace weir::filter
