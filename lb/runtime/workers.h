// All workers: how a snapshot gets to them, how their number changes, how they end. Control thread only.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "io/loop.h"
#include "observe/access_log.h"
#include "observe/metrics.h"
#include "runtime/listen_sockets.h"
#include "runtime/worker.h"

namespace weir::runtime {

class WorkerSet {
 public:
  using Done = std::function<void()>;

  WorkerSet(io::Loop& control, observe::AccessLogWriter& log_writer, ListenSockets& sockets)
      : control_(control), log_writer_(log_writer), sockets_(sockets) {}
  ~WorkerSet() { stop(); }

  // Before the first roll_out(): who watches the loops of workers. It outlives this; null: nobody.
  void set_watch(LoopWatch* watch) { watch_ = watch; }
  // The same: who answers for weir itself, on control's thread. Null: nobody.
  void set_desk(proxy::MonitorDesk* desk) { desk_ = desk; }
  // The same: who is asked for the hosts that only requests name. Null: nobody.
  void set_resolver(io::Resolver* resolver) { resolver_ = resolver; }

  // Makes what roll_out() with this many workers will take: workers that are missing, and their share of the sockets
  // that ListenSockets::open() has made. An error, where the system has no descriptor or thread for it, leaves
  // everything as it was.
  Status<> prepare(int workers, uint32_t max_connections);
  // That roll_out() does not come.
  void forget_prepared() { prepared_.reset(); }
  // Puts a snapshot in force with this many workers: new ones start; all adopt it; once all have, removed listeners
  // close, workers beyond the number drain, and `done` runs. One at a time.
  void roll_out(const std::shared_ptr<const proxy::Site>& site, int workers, uint32_t max_connections,
                Millis drain_most, Done done);
  // Listeners close, sessions end as they can. `drained` runs when the last worker has none; after `most` (0: never)
  // what is left is closed. With `keep_tunnels` WebSockets live on until shortly before that.
  void drain(Millis most, Done drained, bool keep_tunnels = false);
  // While draining: WebSockets get their close frames, evenly over `spread`.
  void close_all_tunnels(Millis spread);
  void flush_logs(Done done);
  // Every worker that serves, those that are leaving too.
  void each(const std::function<void(Worker&)>& fn);
  // Counters of the workers that have ended.
  const observe::MetricTotals& departed() const { return departed_; }
  // Closes everything and joins the threads.
  void stop();
  int count() const { return static_cast<int>(workers_.size()); }

 private:
  // One worker that leaves: drained, or out of time.
  struct Leaving final : DeadlineHandler {
    Leaving(WorkerSet& owner_set, std::unique_ptr<Worker> leaving) : set(owner_set), worker(std::move(leaving)) {}
    void on_deadline(Deadline&) override { set.left(*this); }
    WorkerSet& set;
    std::unique_ptr<Worker> worker;
    Deadline deadline{this};
  };
  struct Prepared {
    int workers = 0;
    std::vector<std::unique_ptr<Worker>> missing;    // they run, and serve nothing
    std::vector<std::vector<WorkerSocket>> sockets;  // of each worker
  };
  // Runs `then` when it has been called once for each worker.
  Done count_down(Done then);
  Result<std::unique_ptr<Worker>> start_worker(int index, const proxy::Share& share);
  void settle(int workers, Millis drain_most, Done done);
  void leave(std::unique_ptr<Worker> worker, Millis most, bool keep_tunnels = false);
  void left(Leaving& leaving);

  io::Loop& control_;
  observe::AccessLogWriter& log_writer_;
  ListenSockets& sockets_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<Prepared> prepared_;
  std::vector<std::shared_ptr<Leaving>> leaving_;
  observe::MetricTotals departed_;
  Done drained_;
  LoopWatch* watch_ = nullptr;
  proxy::MonitorDesk* desk_ = nullptr;
  io::Resolver* resolver_ = nullptr;
  bool stopped_ = false;
};

}  // namespace weir::runtime
