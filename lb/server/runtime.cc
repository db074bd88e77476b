// What "auto" means.
#include "server/runtime.h"

#include "server/cpu_quota.h"

namespace weir::server {

int wanted_workers(const config::MainConfig& main) {
  return main.worker_processes > 0 ? main.worker_processes : usable_cpus();
}

uint32_t wanted_connections(const config::MainConfig& main, uint64_t descriptors, int workers) {
  return main.worker_connections != 0 ? main.worker_connections : connections_per_worker(descriptors, workers);
}

}  // namespace weir::server
