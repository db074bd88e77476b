// auth_request: another location is asked whether the request may pass.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "filter/access.h"
#include "route/template.h"

namespace weir::filter {

// auth_request_set $VARIABLE VALUE: made of the variables of the request that asked.
struct AuthVariable {
  std::string name;  // with its $, for dumps
  int slot = 0;      // of a `set` variable
  route::Template value;
};

struct AuthRequestOptions {
  std::string uri;  // empty: off
  std::vector<AuthVariable> variables;
};

// 2xx passes; 401, with its WWW-Authenticate, and 403 refuse; anything else is answered 500. `place` is named in the
// log.
std::unique_ptr<const AccessCheck> make_auth_request(AuthRequestOptions options, std::string place);

}  // namespace weir::filter
