// Who wants to know how requests find their way: `weir explain`, never a worker.
#pragma once
#include <string_view>

#include "policy/cluster.h"
#include "route/variable.h"

namespace weir::proxy {

struct Location;
struct RewriteStep;

class RequestTrace {
 public:
  // A location was looked for with that path; `location` is the server's own settings where none matches. `variables`
  // are the request's as it enters.
  virtual void on_location(const Location& location, std::string_view path, const route::VariableSource& variables) = 0;
  // A step was run. `took`: its condition or its regex held. `path`: as it is behind the step.
  virtual void on_step(const RewriteStep& step, bool took, std::string_view path) = 0;
  // Persistence was asked, and binds the request to these; to nobody where there are none.
  virtual void on_binding(policy::BoundPeers bound) = 0;

 protected:
  ~RequestTrace() = default;
};

}  // namespace weir::proxy
