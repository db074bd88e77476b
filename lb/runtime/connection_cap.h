// worker_connections, and what the limit of open files leaves of it.
#pragma once
#include <cstdint>
#include <string>

#include "config/model.h"

namespace weir::runtime {

struct ConnectionCap {
  uint32_t each = 0;    // connections of one worker: clients and upstream ones
  std::string warning;  // for the operator, where more was asked for than the limit allows; else empty
};

// As written, or for auto as many as `descriptors` (the process's limit of open files) allow; never more than those.
// What is not for connections is set apart: control, the admin socket and its connections, logs, listeners, active
// checks. Of a limit that is too small for that, half. Where files are sent, auto reckons with one for each connection.
// `memory`, in bytes, 0: no limit, bounds what auto gives, so that
// weir is not ended by the kernel when all of them are in use; a written number is warned of.
ConnectionCap connection_cap(const config::Model& model, uint64_t descriptors, int workers, uint64_t memory = 0);

}  // namespace weir::runtime
