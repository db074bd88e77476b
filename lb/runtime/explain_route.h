// What `weir explain` says of the way to the content: listen, server, rewrites, location.
#pragma once
#include <string>
#include <vector>

#include "config/model.h"
#include "runtime/dry_run.h"
#include "runtime/explain_text.h"

namespace weir::runtime {

// Which server of that listen answers for `host` (lower case, no port), and why the others do not. The result is the
// model's.
const config::ServerModel& tell_of_server(ExplainText& out, const config::Model& model,
                                          const config::ListenModel& listen, const std::string& host);
void tell_of_steps(ExplainText& out, const DryRun& run);
void tell_of_location(ExplainText& out, const config::ServerModel& server, const DryRun& run);

// Among these and what is nested in them; null: none has that pattern.
const config::LocationModel* find_location(const std::vector<config::LocationModel>& all, const std::string& pattern);

}  // namespace weir::runtime
