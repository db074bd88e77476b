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

// Text of several lines. The error: the URL is none, nobody listens on its port, the snapshot cannot be built.
Result<std::string> explain(const config::Model& model, const ExplainRequest& request);

}  // namespace weir::runtime
