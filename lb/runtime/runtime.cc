// What a runtime is made of, what "auto" means, and what a check's verdict sets in motion.
#include "runtime/runtime.h"

#include <utility>

#include "acme/service.h"
#include "base/log.h"
#include "base/rng.h"
#include "io/tls_self_signed.h"
#include "process/cpu_quota.h"
#include "runtime/automatic_certificates.h"
#include "upstream/health_monitor.h"

namespace weir::runtime {
namespace {

// The state is switched already. Requests that wait unanswered on a peer that is down go elsewhere; those in line look
// again, also for a peer that they cannot hope for any more.
void tell_of(Runtime& runtime, const upstream::HealthChange& change) {
  if (change.down) runtime.workers.each([&change](Worker& worker) { worker.peer_down(change.state); });
  if (!runtime.site) return;
  const auto cluster = runtime.site->cluster_by_name.find(change.upstream);
  if (cluster == runtime.site->cluster_by_name.end()) return;
  const auto& queue = runtime.site->clusters[static_cast<size_t>(cluster->second)].queue;
  if (queue) queue->wake_all();
}

}  // namespace

Runtime::Runtime(process::CommandLine command_line)
    : line(std::move(command_line)), self_signed(std::make_shared<io::SelfSignedBook>()) {
  upstream::HealthMonitorOptions options;
  options.seed = random_seed();
  options.on_change = [this](const upstream::HealthChange& change) { tell_of(*this, change); };
  health = std::make_unique<upstream::HealthMonitor>(loop, std::move(options));
  workers.set_resolver(&resolver);
  automatic_certificates =
      std::make_unique<acme::Service>([challenges = registry.challenges()](const std::vector<acme::Proof>& proofs) {
        show_proofs(proofs, *challenges);
      });
}

Runtime::~Runtime() = default;

void Runtime::end_checks() {
  health = std::make_unique<upstream::HealthMonitor>(loop, upstream::HealthMonitorOptions{});
}

void Runtime::save_overrides(StateWriter::Done done) {
  state_writer->save(state.path(), overrides, std::move(done));
}

void Runtime::save_overrides_now() {
  if (Status<> saved = state.save(overrides); !saved)
    log::error("state file: not written (", saved.error(), "), overrides will be lost on restart");
}

int wanted_workers(const config::MainConfig& main) {
  return main.worker_processes > 0 ? main.worker_processes : process::usable_cpus();
}

}  // namespace weir::runtime
