// maintenance: the answer to everybody whose address is not on the operators' list.
#include "filter/maintenance.h"

#include <algorithm>

namespace weir::filter {
namespace {

class Maintenance final : public Filter {
 public:
  explicit Maintenance(MaintenanceOptions options) : options_(std::move(options)) {}

  Order order() const override { return Order::kMaintenance; }
  Verdict on_request(Context& context, http::RequestHead&) const override {
    // The page that error_page names for this answer lies in a location under maintenance itself.
    if (context.maintained) return Verdict::kContinue;
    const auto& allow = options_.allow;
    if (std::any_of(allow.begin(), allow.end(), [&](const Cidr& range) { return range.contains(context.client); }))
      return Verdict::kContinue;
    context.status = 503;
    context.retry_after = options_.retry_after;
    context.body = options_.page;
    context.type = options_.type;
    return Verdict::kAnswer;
  }

 private:
  MaintenanceOptions options_;
};

}  // namespace

std::shared_ptr<const Filter> make_maintenance(MaintenanceOptions options) {
  return std::make_shared<Maintenance>(std::move(options));
}

}  // namespace weir::filter
