// One request through a snapshot without a socket: the phases of a worker decide, and what would go to peers and to the
// client is caught.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/sockaddr.h"
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
  std::vector<DryStep> steps;
  std::vector<Sent> sent;
  std::string asked;      // "app.test:81", the last host that a resolver would be asked for; empty: none
  std::string answer;     // to the client
  std::string path;       // that the last location was looked for with
  std::string location;   // its pattern; empty: the server's own settings
  bool finished = false;  // else something waited for too long
};

// The listeners of `site` have no arrival steps (SiteInputs::arrival).
DryRun dry_run(const std::shared_ptr<const proxy::Site>& site, const DryRequest& request);

}  // namespace weir::runtime
