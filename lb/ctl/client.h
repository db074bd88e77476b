// One blocking request over the admin socket.
#pragma once
#include <string>

#include "base/result.h"

namespace weir::ctl {

struct CtlReply {
  int status = 0;
  std::string body;
};

// `body`, when not empty, is JSON. The error is a sentence for the operator.
Result<CtlReply> ask_weir(const std::string& socket, const std::string& method, const std::string& target,
                          const std::string& body);
// Percent-encoded for a path, slashes kept.
std::string path_encoded(const std::string& text);

}  // namespace weir::ctl
