// Words of `weir explain --running` for peers and limits as they are now.
#pragma once
#include <string>

#include "policy/cluster.h"
#include "runtime/dry_run.h"
#include "runtime/running_facts.h"

namespace weir::runtime {

// Why a peer gets no request of its own accord: "down by hand (kernel update)", "ejected, 8 s left"; empty: it does.
std::string why_out(const RunningFacts& facts, const std::string& upstream, const policy::Peer& peer);
// "3 requests in flight".
std::string load_text(const RunningFacts& facts, const std::string& upstream, const policy::Peer& peer);
// Why it was not this one, which is not out. `chosen` null: nobody was.
std::string why_not_chosen(const policy::Cluster& cluster, const policy::Peer& peer, const policy::Peer* chosen,
                           const DryRun& run);
// How full it is, and what becomes of one more request.
std::string limit_text(const RunningFacts& facts, const DryRun::Limit& limit);

}  // namespace weir::runtime
