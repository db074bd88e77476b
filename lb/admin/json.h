// What the admin socket answers, as JSON text. Members are only ever added; their names are the API.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/changes.h"
#include "admin/peers.h"

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

// Beside the peer itself: {"peer": {...}, "warnings": [...]}.
std::string peer_json(const PeerView& view, const runtime::Runtime& runtime, const AdminChanges& changes,
                      const std::vector<std::string>& warnings = {});
// One upstream, or {"upstreams": [...]} of all.
std::string upstream_json(const PeerOverview& overview, const proxy::SiteCluster& cluster,
                          const runtime::Runtime& runtime, const AdminChanges& changes);
std::string upstreams_json(const PeerOverview& overview, const runtime::Runtime& runtime, const AdminChanges& changes);
std::string maintenance_json(const runtime::Runtime& runtime, const std::vector<std::string>& warnings = {});
// {"caches": [{"name", "answers", "bytes", "loading", "evicted", "purged", "outcomes": {"HIT": 1, ...}}]}
std::string caches_json(const runtime::Runtime& runtime);
// {"purged": 3}
std::string purge_json(size_t count);
std::string certificates_json(const runtime::Runtime& runtime);
std::string status_json(runtime::Runtime& runtime, const PeerOverview& overview, int64_t started_us);
// {"error": TEXT}, and {"error": TEXT, NAME: [...]} with what else there is to say.
std::string error_json(std::string_view error, std::string_view name = {}, const std::vector<std::string>& more = {});
// Of an upgrade that worked: both processes, and the connections that this one still has.
std::string upgrade_json(runtime::Runtime& runtime, pid_t successor);
std::string reload_json(const runtime::Runtime& runtime, const std::vector<std::string>& errors);

}  // namespace weir::admin
