// auth_basic: a user and a password for a location (RFC 7617).
#pragma once
#include <memory>

#include "filter/access.h"
#include "route/template.h"

namespace weir::filter {

struct AuthBasicOptions {
  route::Template realm;      // empty: not asked for; rendered "off": neither
  route::Template user_file;  // absolute when it has no variables
  std::string directory;      // of a rendered name that is not absolute, with its "/"
  bool is_on() const { return !realm.empty() && realm.text() != "off" && !user_file.empty(); }
};

// 401 with WWW-Authenticate to who has no right password, 403 where the file is missing, 500 where it cannot be read,
// 503 where too many passwords wait to be hashed.
std::unique_ptr<const AccessCheck> make_auth_basic(AuthBasicOptions options);

}  // namespace weir::filter
