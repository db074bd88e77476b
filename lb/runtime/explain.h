// What weir would do with a request, for `weir explain`: decided by the very code that serves, with nothing sent.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sockaddr.h"
#include "config/model.h"

namespace weir::runtime {

struct ExplainRequest {
  std::string url;  // "http://HOST[:PORT]/PATH", https likewise
  std::string method = "GET";
  SocketAddress client;
  std::vector<std::string> headers;  // "Name: value"
  std::vector<std::string> cookies;  // "name=value"
};

// What is wrong with its fields; empty: nothing.
std::string fault_of(const ExplainRequest& request);

// Text of several lines. The error: the URL is none, nobody listens on its port, the snapshot cannot be built, the
// system gives no descriptors.
Result<std::string> explain(const config::Model& model, const ExplainRequest& request);

struct RunningFacts;
// By the weir that serves: the peers' standing, the operator's words, persistence and limits as they are now. It blocks
// for as long as the request would wait for a place, 5 s at most: not on control's thread.
Result<std::string> explain(const RunningFacts& running, const ExplainRequest& request);

}  // namespace weir::runtime
