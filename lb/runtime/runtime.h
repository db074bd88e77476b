// What one running weir consists of, in the order of dependence: what stands lower goes first.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "config/model.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "observe/access_log.h"
#include "process/options.h"
#include "process/privileges.h"
#include "proxy/site.h"
#include "runtime/listen_sockets.h"
#include "runtime/loop_watch.h"
#include "runtime/names.h"
#include "runtime/overrides.h"
#include "runtime/registry.h"
#include "runtime/span_exporter.h"
#include "runtime/state_file.h"
#include "runtime/state_writer.h"
#include "runtime/workers.h"

namespace weir::acme {
class Service;
}
namespace weir::io {
class SelfSignedBook;
}
namespace weir::upstream {
class HealthMonitor;
}

namespace weir::runtime {

// How reloads went: for the operator's pages. The start is none.
struct ReloadRecord {
  bool ok = true;  // the last one
  // It has failed, and what it has read is in force all the same: it was not verified, and could not be replaced again.
  bool unverified_in_force = false;
  int64_t at_us = 0;  // when it ended, wall time; 0: never
  uint64_t succeeded = 0, failed = 0;
  std::vector<std::string> changes;  // what the last that succeeded has changed: config/difference.h's lines
};

struct Runtime {
  explicit Runtime(process::CommandLine command_line);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Nobody is asked any more; who is down stays so.
  void end_checks();
  // Keeps `overrides` over a restart, beside the loop (state_writer.h). A failure is logged, too: what was said is in
  // force but will not last.
  void save_overrides(StateWriter::Done done = {});
  // The same at a start, while nobody is served: it is written, or logged, when this returns.
  void save_overrides_now();

  const process::CommandLine line;
  io::Loop loop;  // control's
  observe::AccessLogWriter log_writer;
  Registry registry{line.start_at_first ? 0 : random_seed()};
  NameBook names;
  Overrides overrides;  // control thread only; builders get a copy
  StateFile state;      // where they are kept
  std::unique_ptr<StateWriter> state_writer = std::make_unique<StateWriter>(loop);  // never null
  ListenSockets sockets;
  uint64_t descriptors = 1024;                      // the limit
  uint64_t memory = 0;                              // likewise, in bytes; 0: none
  std::optional<process::Account> account;          // whom weir became at its start; none: it stayed who it was
  std::shared_ptr<io::SelfSignedBook> self_signed;  // never null; loads run on helper threads, too
  // In force.
  std::shared_ptr<const config::Model> model;
  std::shared_ptr<const proxy::Site> site;
  uint64_t generation = 0;
  ReloadRecord reloads;
  bool shutting_down = false;        // QUIT, or a successor serves: nothing new is accepted
  bool handing_over = false;         // a successor has the state of now: nothing is to be changed
  std::unique_ptr<LoopWatch> watch;  // null: nobody looks whether loops turn
  io::Resolver resolver;             // of hosts that only requests name
  WorkerSet workers{loop, log_writer, sockets};
  std::unique_ptr<upstream::HealthMonitor> health;        // never null
  std::unique_ptr<acme::Service> automatic_certificates;  // never null
  SpanExporter spans{registry.spans()};
};

// worker_processes: as written, or what auto means here.
int wanted_workers(const config::MainConfig& main);

}  // namespace weir::runtime
