// What one running weir consists of, in the order of dependence: what stands lower goes first.
#pragma once
#include <cstdint>
#include <memory>

#include "config/model.h"
#include "io/loop.h"
#include "observe/access_log.h"
#include "proxy/site.h"
#include "server/listen_sockets.h"
#include "server/names.h"
#include "server/options.h"
#include "server/overrides.h"
#include "server/registry.h"
#include "server/workers.h"

namespace weir::server {

struct Runtime {
  explicit Runtime(CommandLine command_line) : line(std::move(command_line)) {}

  const CommandLine line;
  io::Loop loop;  // control's
  observe::LogWriter log_writer;
  Registry registry;
  NameBook names;
  Overrides overrides;  // control thread only; builders get a copy
  ListenSockets sockets;
  uint64_t descriptors = 1024;  // the limit
  // In force.
  std::shared_ptr<const config::Model> model;
  std::shared_ptr<const proxy::Site> site;
  uint64_t generation = 0;
  WorkerSet workers{loop, log_writer, sockets};
};

// worker_processes, worker_connections: as written, or what auto means here.
int wanted_workers(const config::MainConfig& main);
uint32_t wanted_connections(const config::MainConfig& main, uint64_t descriptors, int workers);

}  // namespace weir::server
