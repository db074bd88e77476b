// Content-Types by name.
#include "filter/content_types.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::filter {

bool ContentTypes::has(std::string_view content_type) const {
  if (all) return true;
  const std::string_view type = trim_ows(content_type.substr(0, content_type.find(';')));
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return iequals(name, type); });
}

}  // namespace weir::filter
