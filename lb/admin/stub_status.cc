#include "admin/stub_status.h"

#include <algorithm>

#include "admin/totals.h"

namespace weir::admin {

using observe::Counter;

std::string stub_status(runtime::Runtime& runtime) {
  const AdminTotals totals(runtime);
  uint64_t tunnels = 0;
  for (const proxy::SiteCluster& cluster : runtime.site->clusters)
    for (const auto* peers : {&cluster.cluster->primaries(), &cluster.cluster->backups()})
      for (const policy::Peer& peer : *peers) tunnels += peer.state->tunnels.load(std::memory_order_relaxed);
  // Each number is of another moment.
  const uint64_t active = totals.connections();
  const uint64_t waiting = std::min(totals.idle_connections(), active);
  const uint64_t writing = std::min(totals.exchanges() + tunnels, active - waiting);
  const uint64_t accepted = totals.get(Counter::kConnectionsAccepted);
  const auto text = [](uint64_t number) { return std::to_string(number); };
  return "Active connections: " + text(active) + " \nserver accepts handled requests\n " + text(accepted) + " " +
         text(accepted - std::min(accepted, totals.get(Counter::kConnectionsRefused))) + " " +
         text(totals.get(Counter::kRequests)) + " \nReading: " + text(active - waiting - writing) +
         " Writing: " + text(writing) + " Waiting: " + text(waiting) + " \n";
}

}  // namespace weir::admin
