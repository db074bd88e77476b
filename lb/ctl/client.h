// One blocking request over the admin socket.
#pragma once
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace weir::ctl {

struct CtlReply {
  int status = 0;
  std::string body;
};

// How long weir may be silent: where it only looks, and where it works (a reload may wait for host names).
inline constexpr Millis kLookPatience{30'000}, kWorkPatience{180'000};

// `body`, when not empty, is JSON. The error is a sentence for the operator.
Result<CtlReply> ask_weir(const std::string& socket, const std::string& method, const std::string& target,
                          const std::string& body, Millis patience);
// Percent-encoded for a path, slashes kept.
std::string path_encoded(const std::string& text);

}  // namespace weir::ctl
