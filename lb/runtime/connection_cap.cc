// Counting the descriptors that are not connections.
#include "runtime/connection_cap.h"

#include <algorithm>
#include <vector>

#include "runtime/listen_sockets.h"

namespace weir::runtime {
namespace {

// The admin socket's 64 connections, logs, the state file, names, a helper that loads a configuration.
constexpr uint64_t kReserve = 128;
// Of a loop, and for connections that close while others open.
constexpr uint64_t kReservePerWorker = 32;
constexpr uint64_t kMostConnections = 1U << 20U;
// Of memory, of one that is in use: a TLS connection's 17 KB while it is idle, and what a usual exchange holds.
constexpr uint64_t kBytesOfOne = 32 * 1024;

// As many as could be under way at once.
uint64_t probes(const config::Model& model) {
  uint64_t count = 0;
  for (const config::UpstreamModel& upstream : model.upstreams)
    count += upstream.servers.size() * upstream.checks.size();
  return count;
}

bool sends_files(const proxy::Location& settings) {
  return settings.files.root && !settings.pass && !settings.returns;
}
bool sends_files(const std::vector<config::LocationModel>& locations) {
  return std::any_of(locations.begin(), locations.end(), [](const config::LocationModel& each) {
    return sends_files(each.settings) || sends_files(each.nested);
  });
}

// Of a connection: its own, and the file that is sent on it, of a root or out of a cache.
uint64_t descriptors_of_one(const config::Model& model) {
  const bool files = !model.cache_zones.empty() ||
                     std::any_of(model.servers.begin(), model.servers.end(), [](const config::ServerModel& each) {
                       return sends_files(each.settings) || sends_files(each.locations);
                     });
  return files ? 2 : 1;
}

}  // namespace

ConnectionCap connection_cap(const config::Model& model, uint64_t descriptors, int workers, uint64_t memory) {
  const uint64_t count = static_cast<uint64_t>(std::max(workers, 1));
  // Control holds each listening socket, and its worker a duplicate.
  const uint64_t needed = kReserve + count * (kReservePerWorker + 2 * plan_listens(model).size()) + probes(model);
  const uint64_t reserve = std::min(needed, descriptors / 2);
  const uint64_t allowed = std::clamp<uint64_t>((descriptors - reserve) / count, 1, kMostConnections);
  const uint64_t fitting = memory == 0 ? kMostConnections : std::max<uint64_t>(memory / 2 / kBytesOfOne / count, 1);
  const uint64_t written = model.main.worker_connections;
  if (written == 0) {
    const uint64_t open = std::max<uint64_t>(allowed / descriptors_of_one(model), 1);
    return {static_cast<uint32_t>(std::min(open, fitting)), {}};
  }
  if (written <= std::min(allowed, fitting)) return {static_cast<uint32_t>(written), {}};
  if (written <= allowed)
    return {static_cast<uint32_t>(written),
            "worker_connections " + std::to_string(written) + ": may not fit into memory (the limit is " +
                std::to_string(memory >> 20U) + " MB, " + std::to_string(fitting) + " would)"};
  return {static_cast<uint32_t>(allowed), "worker_connections " + std::to_string(written) + ": " +
                                              std::to_string(allowed) + " in force (" + std::to_string(workers) +
                                              (workers == 1 ? " worker needs " : " workers need ") +
                                              std::to_string(count * written + needed) + " open files, the limit is " +
                                              std::to_string(descriptors) + "; worker_rlimit_nofile raises it)"};
}

}  // namespace weir::runtime
