// allow, deny: who may ask a location, by the client's address after real_ip.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sockaddr.h"
#include "filter/filter.h"

namespace weir::filter {

struct AccessRule {
  bool allow = false;
  std::optional<Cidr> range;  // none: `all`
};

struct AccessOptions {
  std::vector<AccessRule> rules;  // in the configuration's order: the first that the client meets decides
};

// Answers 403 to whom a rule denies; who meets none is served. `place` is named in the log: "location /admin".
std::shared_ptr<const Filter> make_access(AccessOptions options, std::string place);

}  // namespace weir::filter
