#include "route/geoip.h"

#include "base/arena_text.h"

namespace weir::route {

std::string_view GeoIp::find(std::string_view text, const VariableSource&, Arena& arena) const {
  const auto address = SocketAddress::from_ip(text, 0);
  if (!address) return otherwise_;
  const auto value = file_->find(address->unmapped(), path_);
  return value ? arena.copy(*value) : std::string_view(otherwise_);
}

std::string_view GeoIpBuilt::find(std::string_view, const VariableSource&, Arena& arena) const {
  return number_text(file_->built(), arena);
}

}  // namespace weir::route
