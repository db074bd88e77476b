// A worker's idle connections, grouped by upstream (limits are an upstream's) and by address. Last in, first out: the
// one used last is the least likely to have been closed by the peer. Survives reloads; an upstream's options are set
// anew by each snapshot.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "observe/metrics.h"
#include "upstream/connection.h"

namespace weir::upstream {

class Pool;

class Group {
 public:
  Group(Pool& pool, std::string name) : pool_(pool), name_(std::move(name)) {}
  ~Group();
  void configure(const PoolOptions& options, size_t peers);
  // Where the idle connections of that address are kept; lives as long as the group.
  Slot& slot(const SocketAddress& address) { return *slots_.try_emplace(address).first; }
  // An idle connection to that address, or null. `sure`: for a request that cannot be sent again, one that the peer has
  // not closed as of now, at the price of a system call.
  std::unique_ptr<Connection> take(const SocketAddress& address, bool sure);
  // Ends a lease: keeps the connection if reusable() and there is room (the one idle longest leaves), else closes it.
  // Safe on the connection's own stack.
  void give(std::unique_ptr<Connection> connection);
  // Ends a lease after a 101: the transport, which the pool goes on counting as an open connection until its new owner
  // takes it off that count.
  std::unique_ptr<io::Transport> give_up(std::unique_ptr<Connection> connection);
  void close_idle();
  void close_idle(const SocketAddress& address);
  size_t idle() const { return idle_; }
  const PoolOptions& options() const { return options_; }
  const std::string& name() const { return name_; }
  Pool& pool() { return pool_; }

 private:
  friend class Connection;
  void drop(Connection& connection);  // an idle one that closed, spoke or grew too old

  Pool& pool_;
  std::string name_;
  PoolOptions options_;
  size_t most_idle_ = 0;
  size_t idle_ = 0;
  Slots slots_;
  IntrusiveList<Connection> by_age_;  // idle ones, the longest idle first
};

class Pool {
 public:
  // `on_count` is told of every upstream connection opened (+1) and closed (-1).
  Pool(io::Loop& loop, observe::MetricSlab& metrics, std::function<void(int)> on_count);
  ~Pool();
  // Made on first use; lives as long as the pool.
  Group& group(const std::string& name);
  void close_idle();
  void begin_drain();  // nothing is kept any more

  io::Loop& loop() { return loop_; }
  bool draining() const { return draining_; }
  void count(int delta) { on_count_(delta); }
  void unsolicited(const SocketAddress& address);

 private:
  io::Loop& loop_;
  observe::MetricSlab& metrics_;
  std::function<void(int)> on_count_;
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
  bool draining_ = false;
};

}  // namespace weir::upstream
