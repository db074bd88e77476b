// One worker thread: a loop, what serves on it (proxy::Core) and its listeners. Control owns it and speaks to it
// through the loop's mailbox; every answer comes back through control's.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/listener.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "observe/access_log.h"
#include "proxy/core.h"
#include "runtime/listen_sockets.h"
#include "runtime/seat.h"

namespace weir::runtime {

class LoopWatch;

struct WorkerOptions {
  int index = 0;
  proxy::Share share;  // until adopt() brings another
  uint64_t seed = 0;
  proxy::MonitorDesk* desk = nullptr;  // outlives the worker; null: pages about weir are 503
  io::Resolver* resolver = nullptr;    // outlives the worker; null: hosts that only requests name are not asked for
  LoopWatch* watch = nullptr;          // outlives the worker; null: nobody watches its loop
};

class Worker {
 public:
  using Done = std::function<void()>;  // runs on control's loop

  // On that loop; null: on one of its own making.
  Worker(WorkerOptions options, io::Loop& control, observe::AccessLogWriter& log_writer,
         std::unique_ptr<io::Loop> loop = nullptr);
  ~Worker();  // as stop()
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // From here to the end: control thread only.

  // False: the system gives no thread.
  [[nodiscard]] bool start();
  // Serves from this site, and accepts on those of these sockets that it has not yet. `seats` are all workers in order,
  // among which the connections of shared sockets are dealt. Without a share it keeps the one it has.
  void adopt(std::shared_ptr<const proxy::Site> site, std::optional<proxy::Share> share,
             std::vector<WorkerSocket> sockets, Seats seats, Done done);
  // Closes every listener but those with these ids. What waits in their accept queues is taken first.
  void keep_listeners(std::vector<uint64_t> ids, Done done);
  // Graceful: no listener is left, sessions end as they can; `drained` when none is left. WebSockets may be kept:
  // close_all_tunnels() ends that.
  void drain(Done drained, bool keep_tunnels = false);
  void close_all_tunnels(uint16_t code, Millis spread);
  // As Core's of the same names.
  void peer_down(std::shared_ptr<const policy::PeerState> state);
  void close_tunnels(std::shared_ptr<policy::PeerState> state, uint16_t code, Millis spread);
  // Counters since the start, and the snapshots still in use there. Any thread, from start() to stop().
  const observe::MetricSlab& metrics() const { return metrics_; }
  int live_epochs() const { return live_epochs_.load(std::memory_order_relaxed); }
  // Hands what is buffered of the access logs to the writer.
  void flush_logs(Done done);
  // Closes all at once and joins the thread. Idempotent.
  void stop();
  int index() const { return options_.index; }
  const std::shared_ptr<Seat>& seat() const { return seat_; }

 private:
  struct Open {
    uint64_t id;
    SocketAddress address;
    bool shared;
    int fd;  // the listener's
    std::unique_ptr<io::Listener> listener;
  };
  void run();
  void open(WorkerSocket socket);
  void take_queue(const Open& open);
  void close_listeners(const std::vector<uint64_t>& keep);
  void deal(int fd, const SocketAddress& address);
  bool deal_to_room(OwnedFd& fd, const SocketAddress& address);
  void deal_undealt();
  void arrive(OwnedFd fd, const SocketAddress& address);
  void wait_for_room();
  void resume_dealing();
  void publish_load();
  void wake_dealer();
  void pause(bool full);
  void set_paused();
  void report(const Done& done);

  const WorkerOptions options_;
  io::Loop& control_;
  const std::unique_ptr<io::Loop> own_loop_;
  io::Loop& loop_ = *own_loop_;
  const std::shared_ptr<Seat> seat_;
  observe::MetricSlab metrics_;  // Core's
  std::atomic<int> live_epochs_{0};
  // Worker thread only, once it runs.
  std::unique_ptr<proxy::Core> core_;
  std::vector<Open> open_;
  Seats seats_;
  int last_dealt_ = -1;
  // Accepted before it was known that nobody has room; the first to come once somebody has.
  std::vector<std::pair<OwnedFd, SocketAddress>> undealt_;
  bool full_ = false;      // no connection can come: none is free, none is idle
  bool all_full_ = false;  // no seat has room: shared sockets wait
  Done drained_;
  std::thread thread_;
};

}  // namespace weir::runtime
