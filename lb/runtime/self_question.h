// weir asks itself: whether a configuration that has just been put in force answers as its operator expects.
#pragma once
#include <atomic>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/sockaddr.h"
#include "config/model.h"

namespace weir::runtime {

struct SelfQuestion {
  std::string url;        // as written, for the operator
  SocketAddress address;  // of weir's own, that is asked
  std::string host;       // the Host field
  std::string target;     // "/health?full=1"
  bool tls = false;
};

// For "http://HOST[:PORT]/PATH", or https://. HOST names a server of the model, whatever a resolver would make of it:
// asked is the model's own `listen` of that port, a wildcard by loopback. The error says why that cannot be asked:
// another scheme, no such listen, one that expects TLS or does not, or a PROXY header. Over TLS HOST is the name that a
// certificate is chosen by; what certificate that is, is not judged.
Result<SelfQuestion> plan_self_question(const std::string& url, const config::Model& model);

// Asks again and again until an answer is good (200 to 399) or `within` has passed; then the error is what came last.
// Blocks; any thread. `cancelled` ends it early.
Status<> ask_self(const SelfQuestion& question, Millis within, const std::atomic<bool>& cancelled);

}  // namespace weir::runtime
