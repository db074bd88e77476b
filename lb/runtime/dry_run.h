// One request through a snapshot without a socket: the phases of a worker decide, and what would go to peers and to the
// client is caught.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sockaddr.h"
#include "filter/limit_requests.h"
#include "policy/rate_limit.h"
#include "proxy/site.h"

namespace weir::runtime {

struct DryRequest {
  SocketAddress listen;  // one of the snapshot's
  SocketAddress client;
  std::string bytes;  // as the client writes them: a head without a body
};

// A rewrite step that was run, or a location that was looked for, in order.
struct DryStep {
  enum class Kind : uint8_t { kLocation, kStep } kind;
  std::string text;  // the location's pattern, empty for the server's own settings; the step as written
  bool took = true;  // of a step
  std::string path;  // that was looked for, or as it is behind the step
};

struct DryRun {
  // What one peer would have been sent. Peers answer 200 without a body.
  struct Sent {
    SocketAddress peer;
    std::string bytes;     // in plain
    bool tls = false;      // the peer would be shaken hands with first
    std::string tls_name;  // and asked for by this name
  };
  // A limit_req or limit_conn of the location that was found last.
  struct Limit {
    std::shared_ptr<const filter::LimitZone> zone;
    std::string key;         // empty: it does not count
    policy::RateLimit rate;  // of limit_req
    uint32_t most = 0;       // of limit_conn; 0: it is a limit_req
  };
  std::vector<DryStep> steps;
  std::vector<Sent> sent;
  std::vector<Limit> limits;
  bool asks_binding = false;       // the upstream has persistence
  std::vector<std::string> bound;  // whom it binds the request to, by name
  std::string asked;               // "app.test:81", the last host that a resolver would be asked for; empty: none
  std::string answer;              // to the client
  std::string path;                // that the last location was looked for with
  std::string location;            // its pattern; empty: the server's own settings
  bool finished = false;           // else something waited for too long
};

// The listeners of `site` have no arrival steps (SiteInputs::arrival). The error: the system gives no descriptors for
// an event loop.
Result<DryRun> dry_run(const std::shared_ptr<const proxy::Site>& site, const DryRequest& request);

}  // namespace weir::runtime
