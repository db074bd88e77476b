#include "route/geoip.h"

namespace weir::route {

std::string_view GeoIp::find(std::string_view text, const VariableSource&, Arena& arena) const {
  const auto address = SocketAddress::from_ip(text, 0);
  if (!address) return otherwise_;
  const auto value = database_->find(address->unmapped(), path_);
  return value ? arena.copy(*value) : std::string_view(otherwise_);
}

}  // namespace weir::route
