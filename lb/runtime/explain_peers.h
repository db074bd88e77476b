// What `weir explain` says of the upstream, the peer that the request would go to, and what it would be sent.
#pragma once
#include "config/model.h"
#include "proxy/site.h"
#include "runtime/dry_run.h"
#include "runtime/explain_text.h"
#include "runtime/running_facts.h"

namespace weir::runtime {

// `running` null: the configuration alone is known.
void tell_of_peers(ExplainText& out, const RunningFacts* running, const proxy::Site& site,
                   const config::ServerModel& server, const DryRun& run);
// The lines of a head, as they are sent.
void tell_of_head(ExplainText& out, std::string_view label, const std::string& bytes);

}  // namespace weir::runtime
