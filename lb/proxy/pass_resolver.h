// Who is asked for a host that only a request names, and what its peers are met with: of the `resolver` in force where
// the proxy_pass stands.
#pragma once
#include <string>

#include "base/clock.h"
#include "io/dns.h"
#include "policy/cluster.h"
#include "upstream/options.h"

namespace weir::proxy {

struct PassResolver {
  io::DnsQuestion question;        // without host and port
  Millis valid{0};                 // how long an answer holds; 0: its TTL
  policy::ClusterOptions cluster;  // without name and peers
  upstream::PoolOptions pool;
  std::string key;  // equal where all of this is
};

}  // namespace weir::proxy
