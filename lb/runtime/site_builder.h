// From a configuration to the snapshot that workers serve from: names resolved, peers tied to their state, access logs
// opened, tables filled.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/sockaddr.h"
#include "config/model.h"
#include "observe/access_log.h"
#include "proxy/site.h"
#include "runtime/name_question.h"
#include "runtime/overrides.h"
#include "runtime/registry.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {

struct SiteInputs {
  const config::Model& model;
  uint64_t generation = 1;
  Registry& registry;
  observe::AccessLogWriter* log_writer;  // null: access logs are off, whatever the configuration says
  ResolveName resolve;
  Overrides overrides = {};
  // Instead of what the configuration says of each listener's arrival: for who has no clients. Empty: as it says.
  std::function<void(proxy::ListenSite&)> arrival = {};
};

struct BuiltSite {
  std::shared_ptr<const proxy::Site> site;  // null when there are errors
  std::vector<std::string> errors;          // "FILE:LINE:COL: error: TEXT"
  std::vector<std::string> warnings;        // likewise
  std::vector<std::string> unresolved;      // "app.example:13000": server lines that have no peer yet
  // What the operator said at run time and this configuration says otherwise: the operator's word is in force.
  std::vector<std::string> contradicted;
  // What the operator said of peers, servers and locations that are not there (now).
  std::vector<std::string> orphans;
  std::string sticky_secret;  // made for want of Overrides::sticky_secret: to be kept; else empty
};

BuiltSite build_site(const SiteInputs& inputs);

// What only takes effect with the snapshot: the peers' failure windows as it says, and switch_peers(). Control thread,
// before workers use it.
void configure_peers(const proxy::Site& site, const Overrides& overrides);
// The operator's down and drain, which act at once.
void switch_peers(const proxy::Site& site, const Overrides& overrides);

// Of the names that are resolved once, whether all their peers are lost: requests cannot connect to them, or checks
// have them down. A name of several upstreams is lost when it is in one, for in the others nobody may ask.
std::map<NameQuestion, bool> find_lost_names(const config::Model& model, const proxy::Site& site);

// Who is to be checked, and how: the model's checks and the peers of its site.
std::vector<upstream::CheckedUpstream> checked_upstreams(const config::Model& model, const proxy::Site& site);

}  // namespace weir::runtime
