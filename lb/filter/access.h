// satisfy, and the checks of a location that it counts: allow and deny, auth_basic (auth_basic.h), auth_request
// (auth_request.h).
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
  bool satisfy_any = false;
};

// One of the checks. Immutable; what it remembers of an exchange is its Context's state.
class AccessCheck {
 public:
  enum class Answer : uint8_t {
    kPass,
    kNoOpinion,
    kRefuse,   // Context::status says with what: 401, 403 or, which no other check makes good, an error of weir's own
    kSuspend,  // as Verdict::kSuspend
  };
  virtual ~AccessCheck() = default;
  virtual Answer check(Context& context, http::RequestHead& request) const = 0;
};

// The rules: 403 to whom one denies, no opinion of whom none names. `place` is named in the log: "location /admin".
std::unique_ptr<const AccessCheck> make_access_rules(AccessOptions options, std::string place);

// All of them, in that order. satisfy all: the first that refuses answers. satisfy any: the first that passes lets the
// request in; 401 goes before 403 where none does. A request of weir's own passes unasked, as in nginx.
std::shared_ptr<const Filter> make_access(std::vector<std::unique_ptr<const AccessCheck>> checks, bool satisfy_any,
                                          std::string place);

}  // namespace weir::filter
