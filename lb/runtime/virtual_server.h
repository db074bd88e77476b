// One server{} as the snapshot holds it: its locations in their tables, its access logs opened, maintenance in front.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/model.h"
#include "observe/access_log.h"
#include "proxy/site.h"
#include "runtime/overrides.h"

namespace weir::runtime {

struct BuiltSite;
class Registry;

// Opens the files of access logs; locations that inherit one list go on sharing it.
class AccessLogFiles {
 public:
  explicit AccessLogFiles(observe::AccessLogWriter* writer) : writer_(writer) {}
  // An error is added for each file that cannot be opened, once. Null where there are none, or nobody to write them.
  std::shared_ptr<const proxy::AccessLogs> open(const std::shared_ptr<const proxy::AccessLogs>& logs,
                                                const std::string& position, std::vector<std::string>& errors);

 private:
  observe::AccessLogWriter* const writer_;
  std::map<std::shared_ptr<const proxy::AccessLogs>, std::shared_ptr<const proxy::AccessLogs>> opened_;
};

// Whose maintenance is on: the operator's word, else the configuration's.
// How the operator names it, and what a maintenance override is keyed by: its first name, or "ADDRESS:PORT" of its
// first listen when it has none.
std::string server_label(const config::ServerModel& model);

class MaintenanceSwitches {
 public:
  explicit MaintenanceSwitches(const Overrides& overrides) : overrides_(overrides) {}
  // Puts the filter in front of the location's where it is on. `location` empty: the server's own settings.
  void apply(const std::string& server, const std::string& location, const std::string& position,
             proxy::Location& settings);
  // After all servers: what was contradicted, and what has no place.
  void note(BuiltSite& out) const;

 private:
  const Overrides& overrides_;
  std::set<Overrides::MaintenanceKey> seen_;
  std::set<const MaintenanceOverride*> warned_;  // once for all locations of a server
  std::vector<std::string> contradicted_;
};

std::unique_ptr<proxy::VirtualServer> build_virtual_server(const config::ServerModel& model, AccessLogFiles& logs,
                                                           MaintenanceSwitches& maintenance, Registry& registry,
                                                           std::vector<std::string>& errors);

}  // namespace weir::runtime
