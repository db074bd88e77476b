// Names of servers and patterns of locations.
#include "admin/maintenance.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "runtime/virtual_server.h"

namespace weir::admin {
namespace {

void collect(const std::vector<config::LocationModel>& locations, std::set<std::string>& patterns) {
  for (const config::LocationModel& location : locations) {
    patterns.insert(location.pattern);
    collect(location.nested, patterns);
  }
}

std::string list_of(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + (name.empty() ? "\"\"" : name);
  return text.empty() ? "none" : text;
}

bool has_name(const config::ServerModel& server, const std::string& name) {
  return runtime::server_label(server) == name ||
         std::find(server.names.begin(), server.names.end(), name) != server.names.end();
}

}  // namespace

Result<std::vector<runtime::Overrides::MaintenanceKey>> find_maintenance(const config::Model& model,
                                                                         const std::string& server,
                                                                         const std::string& location) {
  std::set<runtime::Overrides::MaintenanceKey> keys;  // servers of one name on several addresses share a key
  std::set<std::string> servers, patterns;
  const std::string wanted = lowered(server);
  for (const config::ServerModel& each : model.servers) {
    servers.insert(runtime::server_label(each));
    if (!server.empty() && !has_name(each, server) && !has_name(each, wanted)) continue;
    if (location.empty()) {
      keys.insert({runtime::server_label(each), ""});
      continue;
    }
    std::set<std::string> own;
    collect(each.locations, own);
    patterns.insert(own.begin(), own.end());
    // "app.example/@backend" is the named location @backend of app.example.
    const std::string bare = location.starts_with('/') ? location.substr(1) : "/" + location;
    if (own.contains(location))
      keys.insert({runtime::server_label(each), location});
    else if (!bare.empty() && own.contains(bare))
      keys.insert({runtime::server_label(each), bare});
  }
  if (!keys.empty()) return std::vector<runtime::Overrides::MaintenanceKey>(keys.begin(), keys.end());
  if (!patterns.empty() || (!location.empty() && servers.contains(wanted)))
    return Unexpected{"server \"" + server + "\" has no location \"" + location + "\"; it has: " + list_of(patterns)};
  return Unexpected{"no server is named \"" + server + "\"; there are: " + list_of(servers)};
}

}  // namespace weir::admin
