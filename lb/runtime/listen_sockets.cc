// Opening, keeping and closing the listening sockets.
#include "runtime/listen_sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace weir::runtime {
namespace {

size_t sockets_needed(const ListenPlan& plan, int workers) {
  return plan.options.reuse_port ? static_cast<size_t>(workers) : 1;
}

}  // namespace

std::vector<ListenPlan> plan_listens(const config::Model& model) {
  std::vector<ListenPlan> plans;
  for (const config::ServerModel& server : model.servers) {
    for (const config::ListenModel& listen : server.listens) {
      auto plan =
          std::find_if(plans.begin(), plans.end(), [&](const ListenPlan& p) { return p.address == listen.address; });
      if (plan == plans.end()) {
        plans.push_back({listen.address, {}});
        plan = plans.end() - 1;
        plan->options.reuse_port = !listen.address.is_unix();
      }
      // Options may stand at any one of the listens of an address.
      if (listen.backlog != 0) plan->options.backlog = listen.backlog;
      if (listen.receive_buffer != 0) plan->options.receive_buffer = listen.receive_buffer;
      if (listen.send_buffer != 0) plan->options.send_buffer = listen.send_buffer;
      if (listen.so_keepalive) {
        plan->options.keepalive = true;
        plan->options.keep_idle = listen.keep_idle;
        plan->options.keep_interval = listen.keep_interval;
        plan->options.keep_count = listen.keep_count;
      }
      if (listen.deferred) plan->options.deferred = true;
      if (listen.fast_open != 0) plan->options.fast_open = listen.fast_open;
      if (!listen.ipv6_only) plan->options.ipv6_only = false;
    }
  }
  return plans;
}

void ListenSockets::adopt(std::vector<process::PassedSocket> sockets) {
  for (process::PassedSocket& socket : sockets) {
    if (find(socket.address) != nullptr) continue;
    const int on = 1;  // what a supervisor leaves out; accepted connections inherit it
    if (!socket.address.is_unix()) (void)::setsockopt(socket.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Entry entry{{socket.address, {}}, {}, false, true, std::move(socket.name)};
    entry.sockets.push_back(Socket{next_id_++, std::move(socket.fd), false});
    entries_.push_back(std::move(entry));
  }
}

void ListenSockets::inherit(std::vector<HandedSocket> sockets) {
  for (HandedSocket& socket : sockets) {
    Entry* entry = find(socket.address);
    if (entry == nullptr) {
      entries_.push_back(Entry{{socket.address, {}}, {}, false, socket.passed, std::move(socket.name), true});
      entry = &entries_.back();
      entry->plan.options.reuse_port = !socket.address.is_unix();
      int only = 1;
      socklen_t length = sizeof only;
      if (socket.address.is_ipv6() && ::getsockopt(socket.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0)
        entry->plan.options.ipv6_only = only != 0;
    }
    entry->sockets.push_back(Socket{next_id_++, std::move(socket.fd), false});
  }
}

std::vector<std::string> ListenSockets::take_over(const std::vector<ListenPlan>& plans, int workers) {
  for (Entry& entry : entries_) entry.elsewhere = false;
  return open(plans, workers);
}

std::vector<HandedSocket> ListenSockets::duplicates() const {
  std::vector<HandedSocket> out;
  for (const Entry& entry : entries_)
    for (const Socket& socket : entry.sockets)
      out.push_back({entry.plan.address, entry.passed, entry.name, socket.fd.duplicate()});
  return out;
}

void ListenSockets::hand_over() {
  for (Entry& entry : entries_) entry.elsewhere = true;
}

std::vector<std::string> ListenSockets::unused_passed() const {
  std::vector<std::string> unused;
  for (const Entry& entry : entries_)
    if (entry.passed && !entry.wanted)
      unused.push_back(entry.plan.address.to_string() + (entry.name.empty() ? "" : " (" + entry.name + ")"));
  return unused;
}

std::vector<std::string> ListenSockets::open(const std::vector<ListenPlan>& plans, int workers) {
  wanted_before_.clear();
  for (Entry& entry : entries_) {
    if (entry.wanted) wanted_before_.push_back(entry.plan.address);
    for (Socket& socket : entry.sockets) socket.fresh = false;
    entry.wanted = false;
  }
  std::vector<std::string> errors;
  // A plain bind before the first SO_REUSEPORT one: with that option a second weir would silently share the port.
  std::vector<const ListenPlan*> usable;
  for (const ListenPlan& plan : plans) {
    const bool known = find(plan.address) != nullptr || shares_port(plan.address);
    const Status<> probe = known ? Status<>(Void{}) : io::probe_address(plan.address);
    if (probe)
      usable.push_back(&plan);
    else
      errors.push_back(probe.error());
  }
  for (const ListenPlan* plan : usable) {
    Entry* entry = find(plan->address);
    if (entry == nullptr) {
      entries_.push_back(Entry{*plan, {}, true});
      entry = &entries_.back();
    }
    entry->wanted = true;
    while (!entry->passed && !entry->elsewhere && entry->sockets.size() < sockets_needed(*plan, workers)) {
      Result<int> fd = io::open_listener(plan->address, plan->options);
      if (!fd) {
        errors.push_back(fd.error());
        break;
      }
      entry->sockets.push_back(Socket{next_id_++, OwnedFd(*fd), true});
    }
  }
  if (!errors.empty()) {
    forget_opened();
    return errors;
  }
  for (const ListenPlan& plan : plans) tune(*find(plan.address), plan.options);
  return errors;
}

// The sockets that were there before the last open().
void ListenSockets::tune(Entry& entry, const io::ListenOptions& options) {
  const io::ListenOptions before = std::exchange(entry.plan.options, options);
  if (before == options) return;
  for (Socket& socket : entry.sockets)
    if (!socket.fresh)
      if (const Status<> tuned = io::tune_listener(socket.fd.get(), entry.plan.address, options); !tuned)
        log::error("listener ", entry.plan.address.to_string(), ": option not applied (", tuned.error(), ")");
  if (before.ipv6_only != options.ipv6_only || (before.receive_buffer != 0 && options.receive_buffer == 0) ||
      (before.send_buffer != 0 && options.send_buffer == 0))
    log::warn("listener ", entry.plan.address.to_string(),
              ": change of ipv6only, or back to the system's rcvbuf or sndbuf, not applied (takes effect at the next "
              "start)");
}

void ListenSockets::forget_opened() {
  for (Entry& entry : entries_) {
    entry.wanted = std::find(wanted_before_.begin(), wanted_before_.end(), entry.plan.address) != wanted_before_.end();
    const bool only_fresh =
        std::all_of(entry.sockets.begin(), entry.sockets.end(), [](const Socket& s) { return s.fresh; });
    if (only_fresh)
      close_entry(entry);
    else
      std::erase_if(entry.sockets, [](const Socket& s) { return s.fresh; });
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.sockets.empty(); });
}

template <class Visit>
void ListenSockets::visit(int index, int workers, Visit visit_one) const {
  for (const Entry& entry : entries_)
    for (size_t i = 0; entry.wanted && i < entry.sockets.size(); ++i)
      if (static_cast<int>(i) % workers == index) visit_one(entry, entry.sockets[i]);
}

std::vector<WorkerSocket> ListenSockets::of_worker(int index, int workers) const {
  std::vector<WorkerSocket> out;
  visit(index, workers, [&out](const Entry& entry, const Socket& socket) {
    out.push_back({socket.id, entry.plan.address, entry.is_shared(), socket.fd.duplicate(), socket.fresh});
  });
  return out;
}

std::vector<uint64_t> ListenSockets::ids_of_worker(int index, int workers) const {
  std::vector<uint64_t> out;
  visit(index, workers, [&out](const Entry&, const Socket& socket) { out.push_back(socket.id); });
  return out;
}

void ListenSockets::close_removed() {
  for (Entry& entry : entries_)
    if (!entry.wanted && !entry.passed) close_entry(entry);
  std::erase_if(entries_, [](const Entry& entry) { return entry.sockets.empty(); });
}

void ListenSockets::close_all() {
  for (Entry& entry : entries_) close_entry(entry);
  entries_.clear();
}

size_t ListenSockets::addresses() const {
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.wanted; }));
}

ListenSockets::Entry* ListenSockets::find(const SocketAddress& address) {
  for (Entry& entry : entries_)
    if (entry.plan.address == address) return &entry;
  return nullptr;
}

// Our own socket on the wildcard (or on one address of it) would make the probe fail.
bool ListenSockets::shares_port(const SocketAddress& address) const {
  if (address.is_unix()) return false;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return !entry.plan.address.is_unix() && entry.plan.address.port() == address.port();
  });
}

void ListenSockets::close_entry(Entry& entry) {
  const bool own_file = entry.plan.address.is_unix() && !entry.passed && !entry.elsewhere;
  const std::string path = own_file ? entry.plan.address.path() : std::string();
  if (!path.empty() && path.front() != '\0' && !entry.sockets.empty()) ::unlink(path.c_str());
  entry.sockets.clear();
}

}  // namespace weir::runtime
