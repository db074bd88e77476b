// Rolling out snapshots over the workers.
#include "runtime/workers.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "base/rng.h"

namespace weir::runtime {

WorkerSet::Done WorkerSet::count_down(Done then) {
  auto left = std::make_shared<size_t>(workers_.size());
  return [this, left, then = std::move(then)] {
    if (--*left == 0 && !stopped_) then();
  };
}

Result<std::unique_ptr<Worker>> WorkerSet::start_worker(int index, const proxy::Share& share) {
  const auto failed = [index](const std::string& why) {
    return Unexpected{"worker " + std::to_string(index) + ": not started (" + why + ")"};
  };
  WorkerOptions options;
  options.index = index;
  options.share = share;
  options.seed = random_seed();
  options.watch = watch_;
  options.desk = desk_;
  options.resolver = resolver_;
  Result<std::unique_ptr<io::Loop>> loop = io::Loop::make();
  if (!loop) return failed(loop.error());
  auto worker = std::make_unique<Worker>(options, control_, log_writer_, std::move(*loop));
  if (!worker->start()) return failed("no thread");
  return worker;
}

Status<> WorkerSet::prepare(int workers, uint32_t max_connections) {
  forget_prepared();
  Prepared made;
  made.workers = workers;
  for (int i = count(); i < workers; ++i) {
    Result<std::unique_ptr<Worker>> worker = start_worker(i, {workers, max_connections});
    if (!worker) return Unexpected{worker.error()};
    made.missing.push_back(*std::move(worker));
  }
  for (int i = 0; i < workers; ++i) {
    made.sockets.push_back(sockets_.of_worker(i, workers));
    // What a worker has already needs no other descriptor. Another number of workers deals the sockets anew.
    const std::vector<uint64_t> own = i < count() ? sockets_.ids_of_worker(i, count()) : std::vector<uint64_t>();
    for (const WorkerSocket& socket : made.sockets.back())
      if (socket.fd.get() < 0 && (socket.fresh || std::find(own.begin(), own.end(), socket.id) == own.end()))
        return Unexpected{"worker " + std::to_string(i) + ": no listener on " + socket.address.to_string() +
                          " (no descriptors left)"};
  }
  prepared_ = std::move(made);
  return Void{};
}

void WorkerSet::roll_out(const std::shared_ptr<const proxy::Site>& site, int workers, uint32_t max_connections,
                         Millis drain_most, Done done) {
  const bool is_prepared = prepared_ && prepared_->workers == workers;
  // Of a snapshot that is no reload's (an operator's word, new addresses) nobody has asked whether there is room.
  if (Status<> ready = is_prepared ? Status<>(Void{}) : prepare(workers, max_connections); !ready) {
    log::crit("workers: their number stays ", count(), " (", ready.error(), ")");
    if (count() == 0) std::abort();  // nobody would serve; a start prepares, and fails by itself
    workers = count();
  }
  Prepared ready = prepared_ ? *std::exchange(prepared_, std::nullopt) : Prepared();
  for (auto& worker : ready.missing) workers_.push_back(std::move(worker));
  ready.sockets.resize(static_cast<size_t>(workers));
  Seats seats;
  for (int i = 0; i < workers; ++i) seats.push_back(workers_[static_cast<size_t>(i)]->seat());
  const Done adopted = count_down(
      [this, workers, drain_most, done = std::move(done)]() mutable { settle(workers, drain_most, std::move(done)); });
  for (auto& worker : workers_) {
    std::vector<WorkerSocket> sockets;
    std::optional<proxy::Share> share;  // who leaves keeps what it had
    if (worker->index() < workers) {
      sockets = std::move(ready.sockets[static_cast<size_t>(worker->index())]);
      share = {workers, max_connections};
    }
    worker->adopt(site, share, std::move(sockets), seats, adopted);
  }
}

// Every worker has the snapshot, and every socket that stays has its new owner: what goes may go.
void WorkerSet::settle(int workers, Millis drain_most, Done done) {
  const Done closed = count_down([this, workers, drain_most, done = std::move(done)] {
    sockets_.close_removed();
    while (count() > workers) {
      std::unique_ptr<Worker> worker = std::move(workers_.back());
      workers_.pop_back();
      leave(std::move(worker), drain_most);
    }
    done();
  });
  for (auto& worker : workers_) {
    std::vector<uint64_t> keep;
    if (worker->index() < workers) keep = sockets_.ids_of_worker(worker->index(), workers);
    worker->keep_listeners(std::move(keep), closed);
  }
}

void WorkerSet::drain(Millis most, Done drained, bool keep_tunnels) {
  drained_ = std::move(drained);
  // Ours first: a socket whose last holder is its worker refuses newcomers as soon as that one has emptied its queue.
  sockets_.close_all();
  // Then all listeners, and only then sessions: what one worker deals to another has arrived by then.
  const Done closed = count_down([this, most, keep_tunnels] {
    std::vector<std::unique_ptr<Worker>> all = std::move(workers_);
    workers_.clear();
    for (auto& worker : all) leave(std::move(worker), most, keep_tunnels);
    for (auto& leaving : leaving_)
      if (most.count() > 0 && !leaving->deadline.armed())
        control_.arm(leaving->deadline, control_.now() + most.count());
  });
  for (auto& worker : workers_) worker->keep_listeners({}, closed);
}

void WorkerSet::close_all_tunnels(Millis spread) {
  each([spread](Worker& worker) { worker.close_all_tunnels(1001, spread); });
}

void WorkerSet::leave(std::unique_ptr<Worker> worker, Millis most, bool keep_tunnels) {
  auto leaving = std::make_shared<Leaving>(*this, std::move(worker));
  leaving_.push_back(leaving);
  if (most.count() > 0) control_.arm(leaving->deadline, control_.now() + most.count());
  // Its deadline may come first.
  leaving->worker->drain(
      [this, one = std::weak_ptr<Leaving>(leaving)] {
        if (const auto still = one.lock()) left(*still);
      },
      keep_tunnels);
}

void WorkerSet::left(Leaving& leaving) {
  leaving.worker->stop();
  departed_.add(leaving.worker->metrics());
  log::info("worker ", leaving.worker->index(), ": ended");
  std::erase_if(leaving_, [&](const auto& each) { return each.get() == &leaving; });
  if (leaving_.empty() && workers_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void WorkerSet::flush_logs(Done done) {
  if (workers_.empty()) return done();
  const Done flushed = count_down(std::move(done));
  for (auto& worker : workers_) worker->flush_logs(flushed);
}

void WorkerSet::each(const std::function<void(Worker&)>& fn) {
  for (auto& worker : workers_) fn(*worker);
  for (auto& leaving : leaving_) fn(*leaving->worker);
}

void WorkerSet::stop() {
  stopped_ = true;
  forget_prepared();
  for (auto& worker : workers_) worker->stop();
  for (auto& leaving : leaving_) leaving->worker->stop();
  workers_.clear();
  leaving_.clear();
}

}  // namespace weir::runtime
