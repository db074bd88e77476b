// The worker's side of control's requests.
#include "runtime/worker.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/start_thread.h"
#include "process/crash_report.h"
#include "runtime/loop_watch.h"

namespace weir::runtime {
namespace {

// Of one closing listener; a flood must not keep it open for ever.
constexpr int kMostFromQueue = 8192;

}  // namespace

Worker::Worker(WorkerOptions options, io::Loop& control, observe::AccessLogWriter& log_writer,
               std::unique_ptr<io::Loop> loop)
    : options_(options),
      control_(control),
      own_loop_(loop != nullptr ? std::move(loop) : std::make_unique<io::Loop>()),
      seat_(std::make_shared<Seat>(*this, loop_, options.share.max_connections)) {
  proxy::CoreOptions core;
  core.metrics = &metrics_;
  core.worker = options.index;
  core.share = options.share;
  core.seed = options.seed;
  core.release_site = [&control](std::shared_ptr<const proxy::Site> site) {
    control.post([old = std::move(site)]() mutable { old.reset(); });
  };
  if (options.desk != nullptr)
    core.ask_control = [&control, desk = options.desk, seat = seat_](proxy::MonitorQuestion question,
                                                                     proxy::MonitorAnswer answer) {
      control.post([desk, seat, question = std::move(question), answer = std::move(answer)]() mutable {
        desk->ask(std::move(question), [seat, answer = std::move(answer)](proxy::MonitorReply reply) {
          return seat->send([answer, reply = std::move(reply)](Worker&) { answer(reply); });
        });
      });
    };
  if (options.resolver != nullptr)
    core.resolve = [resolver = options.resolver, seat = seat_](const io::DnsQuestion& question, Millis valid,
                                                               io::ResolveTold told) {
      resolver->ask(question, valid,
                    [seat, told = std::move(told)](const Result<io::ResolveAnswer>& answer, MonoMs good_until) {
                      seat->send([told, answer, good_until](Worker&) { told(answer, good_until); });
                    });
    };
  core.on_full = [this](bool full) { pause(full); };
  core.on_drained = [this] {
    if (drained_) report(std::exchange(drained_, nullptr));
  };
  core_ = std::make_unique<proxy::Core>(loop_, log_writer, std::move(core));
  loop_.at_turn_end([this] {
    publish_load();
    live_epochs_.store(core_->live_epochs(), std::memory_order_relaxed);
    wake_dealer();
  });
}

Worker::~Worker() {
  stop();
  // After the thread: sessions and listeners belong to the loop.
  open_.clear();
  core_.reset();
}

bool Worker::start() {
  Result<std::thread> thread = start_thread([this] { run(); });
  if (!thread) return false;
  thread_ = std::move(*thread);
  return true;
}

void Worker::run() {
  ::pthread_setname_np(::pthread_self(), ("weir-" + std::to_string(options_.index)).c_str());
  const process::SignalStack signal_stack;
  std::optional<LoopWatch::Guard> watched;
  if (options_.watch != nullptr)
    watched.emplace(options_.watch->watch("worker " + std::to_string(options_.index), loop_));
  loop_.run();
}

void Worker::adopt(std::shared_ptr<const proxy::Site> site, std::optional<proxy::Share> share,
                   std::vector<WorkerSocket> sockets, Seats seats, Done done) {
  auto given = std::make_shared<std::vector<WorkerSocket>>(std::move(sockets));
  loop_.post([this, site = std::move(site), share, given, seats = std::move(seats), done = std::move(done)]() mutable {
    share ? core_->adopt(std::move(site), *share) : core_->adopt(std::move(site));
    seat_->cap = core_->options().share.max_connections;
    seats_ = std::move(seats);
    resume_dealing();
    for (WorkerSocket& socket : *given) open(std::move(socket));
    report(done);
  });
}

void Worker::keep_listeners(std::vector<uint64_t> ids, Done done) {
  loop_.post([this, ids = std::move(ids), done = std::move(done)] {
    close_listeners(ids);
    report(done);
  });
}

void Worker::drain(Done drained, bool keep_tunnels) {
  loop_.post([this, drained = std::move(drained), keep_tunnels]() mutable {
    close_listeners({});
    drained_ = std::move(drained);
    core_->begin_drain(keep_tunnels);
  });
}

void Worker::close_all_tunnels(uint16_t code, Millis spread) {
  loop_.post([this, code, spread] { core_->close_all_tunnels(code, spread); });
}

void Worker::peer_down(std::shared_ptr<const policy::PeerState> state) {
  loop_.post([this, state = std::move(state)] { core_->peer_down(*state); });
}

void Worker::close_tunnels(std::shared_ptr<policy::PeerState> state, uint16_t code, Millis spread) {
  loop_.post([this, state = std::move(state), code, spread] { core_->close_tunnels(state, code, spread); });
}

void Worker::flush_logs(Done done) {
  loop_.post([this, done = std::move(done)] {
    core_->flush_logs(true);
    report(done);
  });
}

void Worker::stop() {
  seat_->vacate();
  if (!thread_.joinable()) return;
  loop_.post([this] {
    open_.clear();
    drained_ = nullptr;
    core_->close_all();
    core_->flush_logs(true);
    loop_.stop();
  });
  thread_.join();
}

void Worker::open(WorkerSocket socket) {
  const bool known = std::any_of(open_.begin(), open_.end(), [&](const Open& o) { return o.id == socket.id; });
  if (known) return;
  if (socket.fd.get() < 0)  // control had no descriptors left to duplicate it
    return log::crit("worker ", options_.index, ": no listener on ", socket.address.to_string(),
                     " (no descriptors left)");
  Open open{socket.id, socket.address, socket.shared, socket.fd.get(), nullptr};
  if (socket.shared)
    open.listener = io::Listener::of_descriptors(loop_, socket.fd.release(),
                                                 [this, address = socket.address](int fd) { deal(fd, address); });
  else
    open.listener = std::make_unique<io::Listener>(
        loop_, socket.fd.release(), [this, address = socket.address](std::unique_ptr<io::Transport> transport) {
          core_->accept(std::move(transport), address);
        });
  open_.push_back(std::move(open));
  set_paused();
}

// A connection of a shared socket goes to the worker with the fewest. A worker can become full by what its clients
// send, with nothing dealt: then the connection waits here, and others in the kernel's queue.
void Worker::deal(int fd, const SocketAddress& address) {
  OwnedFd owned(fd);
  if (!undealt_.empty() || !deal_to_room(owned, address)) undealt_.emplace_back(std::move(owned), address);
  wait_for_room();
}

// False when no seat has room.
bool Worker::deal_to_room(OwnedFd& fd, const SocketAddress& address) {
  const int chosen = choose_seat(seats_, last_dealt_);
  if (chosen < 0) return false;
  last_dealt_ = chosen;
  const std::shared_ptr<Seat> seat = seats_[static_cast<size_t>(chosen)];
  if (seat == seat_) {
    arrive(std::move(fd), address);
    return true;
  }
  auto owned = std::make_shared<OwnedFd>(std::move(fd));
  ++seat->coming;
  const bool sent = seat->send([owned, address, seat](Worker& worker) {
    worker.arrive(std::move(*owned), address);
    --seat->coming;  // behind: between the two a connection counts twice, never not at all
  });
  if (!sent) {  // it has ended; nothing else comes to it
    seat->full = true;
    arrive(std::move(*owned), address);
  }
  return true;
}

void Worker::deal_undealt() {
  size_t dealt = 0;
  while (dealt < undealt_.size() && deal_to_room(undealt_[dealt].first, undealt_[dealt].second)) ++dealt;
  undealt_.erase(undealt_.begin(), undealt_.begin() + static_cast<std::ptrdiff_t>(dealt));
}

void Worker::arrive(OwnedFd fd, const SocketAddress& address) {
  if (auto transport = io::make_transport(loop_, fd.release())) core_->accept(std::move(transport), address);
  publish_load();
}

// While nobody has room, connections wait in the kernel's queue.
void Worker::wait_for_room() {
  for (;;) {
    deal_undealt();
    if (choose_seat(seats_, last_dealt_) >= 0) {
      if (undealt_.empty()) return;
      continue;
    }
    seat_->waiting = true;
    if (choose_seat(seats_, last_dealt_) < 0) {
      all_full_ = true;
      set_paused();
      return;
    }
    seat_->waiting = false;
  }
}

void Worker::resume_dealing() {
  seat_->waiting = false;
  all_full_ = false;
  set_paused();
  if (!undealt_.empty()) wait_for_room();
}

void Worker::publish_load() {
  seat_->sessions = static_cast<uint32_t>(core_->sessions());
  seat_->idle = static_cast<uint32_t>(core_->idle_sessions());
  seat_->exchanges = static_cast<uint32_t>(core_->exchanges());
  seat_->room = static_cast<uint32_t>(core_->room());
  seat_->buffered.store(core_->buffered(), std::memory_order_relaxed);  // nobody deals by these two
  seat_->buffer_memory.store(core_->buffer_memory(), std::memory_order_relaxed);
}

void Worker::wake_dealer() {
  if (seats_.empty() || !seats_.front()->waiting || !seat_->has_room()) return;
  if (seats_.front()->waiting.exchange(false)) seats_.front()->send([](Worker& dealer) { dealer.resume_dealing(); });
}

// Closing a listener resets the connections that nobody has accepted yet.
void Worker::take_queue(const Open& open) {
  for (int i = 0; i < kMostFromQueue && !full_; ++i) {
    const int fd = ::accept4(open.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    arrive(OwnedFd(fd), open.address);
  }
}

void Worker::close_listeners(const std::vector<uint64_t>& keep) {
  std::vector<Open> closing;
  for (Open& open : open_)
    if (std::find(keep.begin(), keep.end(), open.id) == keep.end()) closing.push_back(std::move(open));
  std::erase_if(open_, [](const Open& open) { return open.listener == nullptr; });
  for (const Open& open : closing) take_queue(open);
}

void Worker::pause(bool full) {
  full_ = full;
  seat_->full = full;
  set_paused();
}

void Worker::set_paused() {
  for (Open& open : open_) (open.shared ? all_full_ : full_) ? open.listener->pause() : open.listener->resume();
}

void Worker::report(const Done& done) {
  if (done) control_.post(done);
}

}  // namespace weir::runtime
