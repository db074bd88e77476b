// The listening sockets of the process. Control owns every one and hands duplicates to workers, so that a socket can
// move from worker to worker over reloads without losing what waits in its accept queue.
//
// A TCP address has one SO_REUSEPORT socket for each worker there ever was; socket i is served by worker i modulo the
// number of workers. A unix path has one socket, and so has an address that a supervisor handed over, of whose option
// and user nothing is known; worker 0 accepts on it and deals the connections out.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/owned_fd.h"
#include "base/result.h"
#include "base/sockaddr.h"
#include "config/model.h"
#include "io/listener.h"
#include "process/supervisor.h"

namespace weir::runtime {

struct ListenPlan {
  SocketAddress address;
  io::ListenOptions options;
};
// Each address once.
std::vector<ListenPlan> plan_listens(const config::Model& model);

// What a worker is given: a socket's identity over reloads, the configured address it stands for, a duplicate.
struct WorkerSocket {
  uint64_t id = 0;
  SocketAddress address;
  bool shared = false;  // the only socket of its address: its connections are for all workers
  OwnedFd fd;
  bool fresh = false;  // no worker has had it yet
};

// A socket on its way to the weir that goes on in this one's place.
struct HandedSocket {
  SocketAddress address;  // as configured
  bool passed = false;    // a supervisor's
  std::string name;       // of a passed one's unit
  OwnedFd fd;
};

class ListenSockets {
 public:
  ListenSockets() = default;
  ~ListenSockets() { close_all(); }

  // Sockets that were there before weir: open() finds them by their addresses. They stay when no configuration names
  // them any more, because they are the supervisor's too and their addresses cannot be bound.
  void adopt(std::vector<process::PassedSocket> sockets);
  // Sockets of the weir whose place this one takes: open() finds them likewise. Until take_over() both weirs serve
  // them: none is added to theirs, as its queue would be lost with this process, and files of unix paths stay.
  void inherit(std::vector<HandedSocket> sockets);
  // The other weir has let go: now each worker gets a socket of its own, as open() does it. The errors leave what is.
  std::vector<std::string> take_over(const std::vector<ListenPlan>& plans, int workers);
  // Duplicates of all, for the weir that goes on with them.
  std::vector<HandedSocket> duplicates() const;
  // That weir serves them: files of unix paths stay when these close.
  void hand_over();
  // "0.0.0.0:8080 (weir.socket)": those that the last open() did not name.
  std::vector<std::string> unused_passed() const;
  // Makes what a configuration needs and there is not yet, for this many workers. All addresses are tried; with errors
  // nothing has changed. The text is for the operator: "bind() to 0.0.0.0:80 failed (98: Address already in use)".
  std::vector<std::string> open(const std::vector<ListenPlan>& plans, int workers);
  // Undoes the last open(): its configuration was not put in force.
  void forget_opened();
  // The sockets of the addresses last opened for, that worker `index` of `workers` serves.
  std::vector<WorkerSocket> of_worker(int index, int workers) const;
  std::vector<uint64_t> ids_of_worker(int index, int workers) const;
  // Closes addresses that the last open() did not name. Once every worker has let go of them.
  void close_removed();
  // Unlinks unix paths too.
  void close_all();
  size_t addresses() const;

 private:
  struct Socket {
    uint64_t id;
    OwnedFd fd;
    bool fresh;  // made by the last open()
  };
  struct Entry {
    ListenPlan plan;
    std::vector<Socket> sockets;
    bool wanted = true;
    bool passed = false;
    std::string name = {};   // of a passed one's unit
    bool elsewhere = false;  // another weir serves it, too
    bool is_shared() const { return passed || !plan.options.reuse_port; }
  };
  template <class Visit>
  void visit(int index, int workers, Visit visit_one) const;
  void tune(Entry& entry, const io::ListenOptions& options);
  Entry* find(const SocketAddress& address);
  bool shares_port(const SocketAddress& address) const;
  static void close_entry(Entry& entry);

  std::vector<Entry> entries_;
  std::vector<SocketAddress> wanted_before_;
  uint64_t next_id_ = 1;
};

}  // namespace weir::runtime
