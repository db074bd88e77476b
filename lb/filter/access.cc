// As ngx_http_access_module has it: the first rule that matches.
#include "filter/access.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace weir::filter {
namespace {

class Access final : public Filter {
 public:
  Access(AccessOptions options, std::string place) : options_(std::move(options)), place_(std::move(place)) {}

  Order order() const override { return Order::kAccess; }
  Verdict on_request(Context& context, http::RequestHead&) const override {
    const auto& rules = options_.rules;
    const auto rule = std::find_if(rules.begin(), rules.end(), [&context](const AccessRule& each) {
      return !each.range || each.range->contains(context.client);
    });
    if (rule == rules.end() || rule->allow) return Verdict::kContinue;
    if (log_.pass(monotonic_ms()))
      log::warn(place_, ": access denied (deny ", rule->range ? rule->range->to_string() : "all", "; client ",
                context.client.ip(), ")", log_.dropped());
    context.status = 403;
    return Verdict::kAnswer;
  }

 private:
  AccessOptions options_;
  std::string place_;
  mutable LogLimit log_;
};

}  // namespace

std::shared_ptr<const Filter> make_access(AccessOptions options, std::string place) {
  return std::make_shared<Access>(std::move(options), std::move(place));
}

}  // namespace weir::filter
