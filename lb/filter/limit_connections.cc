// As ngx_http_limit_conn_handler has it.
#include "filter/limit_connections.h"

#include <utility>

namespace weir::filter {
namespace {

constexpr size_t kLongestKey = 255;

// One that is counted.
class CountedRequest final : public State {
 public:
  CountedRequest(std::shared_ptr<policy::ConnectionTable> table, std::string_view key)
      : table_(std::move(table)), key_(key) {}
  ~CountedRequest() override { table_->give_back(key_); }
  CountedRequest(const CountedRequest&) = delete;
  CountedRequest& operator=(const CountedRequest&) = delete;

 private:
  std::shared_ptr<policy::ConnectionTable> table_;
  std::string key_;
};

class LimitConnections final : public Filter {
 public:
  LimitConnections(LimitConnectionsOptions options, std::vector<std::shared_ptr<policy::ConnectionTable>> tables)
      : options_(std::move(options)), tables_(std::move(tables)) {}

  Order order() const override { return Order::kConnectionLimit; }

  Verdict on_request(Context& context, http::RequestHead&) const override {
    Limited& seen = context.services->limits().connections;
    if (seen != Limited::kNot) return Verdict::kContinue;
    const MonoMs now = context.services->now();
    std::vector<std::unique_ptr<State>> counted;
    for (size_t i = 0; i < options_.limits.size(); ++i) {
      const auto& limit = options_.limits[i];
      const std::string_view key = limit.zone->key.render(context.variables, context.arena);
      if (key.empty()) continue;
      if (key.size() > kLongestKey) {
        if (log_.pass(now))
          log::error("limit_conn zone ", limit.zone->name, ": key not counted (longer than 255 bytes)", log_.dropped());
        continue;
      }
      seen = Limited::kPassed;
      if (tables_[i]->take(key, limit.most)) {
        counted.push_back(std::make_unique<CountedRequest>(tables_[i], key));
        continue;
      }
      if (log_.pass(now))
        log::line(options_.level, "limit_conn zone ", limit.zone->name, ": request rejected (", limit.most,
                  " under way; client ", context.client.ip(), options_.dry_run ? "; dry run" : "", ")", log_.dropped());
      seen = options_.dry_run ? Limited::kRejectedDryRun : Limited::kRejected;
      context.status = options_.status;
      return options_.dry_run ? Verdict::kContinue : Verdict::kAnswer;
    }
    for (auto& each : counted) context.services->hold(std::move(each));
    return Verdict::kContinue;
  }

 private:
  const LimitConnectionsOptions options_;
  const std::vector<std::shared_ptr<policy::ConnectionTable>> tables_;
  mutable LogLimit log_;
};

}  // namespace

std::shared_ptr<const Filter> make_limit_connections(LimitConnectionsOptions options,
                                                     std::vector<std::shared_ptr<policy::ConnectionTable>> tables) {
  return std::make_shared<LimitConnections>(std::move(options), std::move(tables));
}

}  // namespace weir::filter
