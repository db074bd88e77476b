// The configuration that `weir init` writes: nginx's syntax with a word of explanation at each line.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::server {

struct FirstConfiguration {
  std::vector<std::string> nodes;  // as checked_node() returns them; empty: weir answers itself
  bool nocobase = false;           // the nodes are NocoBase's
  std::string name;                // of the certificate, as checked_name() takes it; empty: no TLS
  bool packaged = false;           // in /etc/weir of an installed weir: the places and the user of the package
  std::string directory;           // else the directory, without a slash at its end, for the pid file, logs and state
  bool low_ports = false;          // 80 and 443, else 8080 and 8443
};

// HOST[:PORT] or unix:PATH of the command line as a `server` line takes it; `port` is for those without one, 0: none.
Result<std::string> checked_node(const std::string& text, int port);
// A DNS name without a wildcard. The error is one line for the operator.
Result<std::string> checked_name(const std::string& text);

std::string compose(const FirstConfiguration& wanted);

}  // namespace weir::server
