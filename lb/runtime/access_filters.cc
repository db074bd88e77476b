#include "runtime/access_filters.h"

#include <utility>

namespace weir::runtime {
namespace {

void add_checks(proxy::Location& location, const std::string& place) {
  std::vector<std::unique_ptr<const filter::AccessCheck>> checks;
  if (!location.access.rules.empty()) checks.push_back(filter::make_access_rules(location.access, place));
  if (location.auth_basic.is_on()) checks.push_back(filter::make_auth_basic(location.auth_basic));
  if (!location.auth_request.uri.empty()) checks.push_back(filter::make_auth_request(location.auth_request, place));
  if (!checks.empty())
    proxy::add_filter(location, filter::make_access(std::move(checks), location.access.satisfy_any, place));
}

}  // namespace

void add_access_filters(proxy::Location& location, const std::string& place, Registry& registry) {
  if (!location.limit_requests.limits.empty()) {
    std::vector<std::shared_ptr<policy::RateTable>> tables;
    for (const auto& each : location.limit_requests.limits) tables.push_back(registry.rates(*each.zone));
    proxy::add_filter(location, filter::make_limit_requests(location.limit_requests, std::move(tables)));
  }
  if (!location.limit_connections.limits.empty()) {
    std::vector<std::shared_ptr<policy::ConnectionTable>> tables;
    for (const auto& each : location.limit_connections.limits) tables.push_back(registry.connections(*each.zone));
    proxy::add_filter(location, filter::make_limit_connections(location.limit_connections, std::move(tables)));
  }
  add_checks(location, place);
}

}  // namespace weir::runtime
