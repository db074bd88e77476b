// From a configuration to the snapshot that workers serve from: names resolved, peers tied to their state, access logs
// opened, tables filled.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/sockaddr.h"
#include "config/model.h"
#include "observe/access_log.h"
#include "proxy/site.h"
#include "server/name_question.h"
#include "server/registry.h"

namespace weir::server {

struct SiteInputs {
  const config::Model& model;
  uint64_t generation = 1;
  Registry& registry;
  observe::LogWriter& log_writer;
  ResolveName resolve;
};

struct BuiltSite {
  std::shared_ptr<const proxy::Site> site;  // null when there are errors
  std::vector<std::string> errors;          // "FILE:LINE:COL: error: TEXT"
  std::vector<std::string> warnings;        // likewise
  std::vector<std::string> unresolved;      // "app.example:13000": server lines that have no peer yet
};

BuiltSite build_site(const SiteInputs& inputs);

// What only takes effect with the snapshot: the peers' failure windows as it says. Control thread, before workers use
// it.
void configure_peers(const proxy::Site& site);

}  // namespace weir::server
