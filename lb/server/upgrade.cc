// What waits for the new process waits on a helper thread; what is read or changed of this one is done by control.
#include "server/upgrade.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/packing.h"
#include "base/start_thread.h"
#include "process/successor.h"
#include "runtime/handed_state.h"

namespace weir::server {
namespace {

using process::HandoverChannel;
using process::HandoverItem;
using process::HandoverStep;

// From the state to serving, nothing of which waits for anything but a free processor.
constexpr MonoMs kToServe = 20'000;

Status<> send_state(HandoverChannel& channel, std::string_view state, MonoMs deadline) {
  while (!state.empty()) {
    const std::string_view piece = state.substr(0, HandoverChannel::kMostBody);
    if (Status<> sent = channel.send(HandoverStep::kState, piece, {}, deadline); !sent) return sent;
    state.remove_prefix(piece.size());
  }
  return channel.send(HandoverStep::kGo, {}, {}, deadline);
}

Status<> without_packet(Result<process::HandoverPacket> packet) {
  if (!packet) return Unexpected{packet.error()};
  return Void{};
}

}  // namespace

Upgrade::Upgrade(runtime::Runtime& runtime, runtime::Reload& reload, UpgradeHooks hooks)
    : runtime_(runtime), reload_(reload), hooks_(std::move(hooks)) {}

Upgrade::~Upgrade() {
  alive_.reset();
  if (channel_ != nullptr) channel_->cut();
  if (helper_.joinable()) helper_.join();
}

void Upgrade::start(const std::string& binary, Millis within, OnDone done) {
  const char* refused = nullptr;
  if (runtime_.shutting_down) refused = "weir is shutting down";
  if (step_ != Step::kIdle) refused = "another upgrade is under way";
  if (::getpid() == 1) refused = "weir is the first process of its container, which would end with it";
  if (refused != nullptr) {
    log::error("weir: upgrade refused (", refused, ")");
    if (done) done(Unexpected{std::string(refused)});
    return;
  }
  step_ = Step::kHolding;
  done_ = std::move(done);
  deadline_ = monotonic_ms() + within.count();
  reload_.hold([this, binary] { spawn(binary); });
}

void Upgrade::spawn(const std::string& binary) {
  auto ends = HandoverChannel::open();
  if (!ends) return fail(ends.error());
  const Result<pid_t> pid = process::start_successor(runtime_.line.invocation, binary, ends->second.get());
  if (!pid) return fail(pid.error());
  ends->second.reset();
  successor_ = *pid;
  channel_ = std::make_unique<HandoverChannel>(std::move(ends->first));
  step_ = Step::kPreparing;
  log::notice("weir: upgrading (process ", successor_, " prepares to take over)");
  auto items = std::make_shared<std::vector<HandoverItem>>();
  for (runtime::HandedSocket& socket : runtime_.sockets.duplicates())
    items->push_back(HandoverItem{HandoverItem::Kind::kListener, std::move(socket.name), socket.address, socket.passed,
                                  Millis(0), std::move(socket.fd)});
  hooks_.add_items(*items);
  beside(
      [channel = channel_.get(), items, deadline = deadline_]() -> Status<> {
        Packer hello;
        hello.u32(process::kHandoverFormat);
        if (Status<> sent = channel->send(HandoverStep::kHello, hello.bytes(), {}, deadline); !sent) return sent;
        if (Status<> sent = send_items(*channel, *items, deadline); !sent) return sent;
        return without_packet(channel->expect(HandoverStep::kReady, deadline));
      },
      &Upgrade::prepared);
}

// From here on nothing may change that the new one is told of.
void Upgrade::prepared(const Status<>& outcome) {
  if (!outcome) return fail(outcome.error());
  if (runtime_.shutting_down) return fail("weir is shutting down");
  step_ = Step::kStarting;
  runtime_.handing_over = true;
  auto state = std::make_shared<runtime::HandedState>(runtime::gather_state(runtime_));
  beside(
      [channel = channel_.get(), state]() -> Status<> {
        const MonoMs deadline = monotonic_ms() + kToServe;
        if (Status<> sent = send_state(*channel, runtime::pack_state(*state), deadline); !sent) return sent;
        return without_packet(channel->expect(HandoverStep::kServing, deadline));
      },
      &Upgrade::serving);
}

void Upgrade::serving(const Status<>& outcome) {
  if (!outcome) return fail(outcome.error());
  if (runtime_.shutting_down) return fail("weir is shutting down");
  step_ = Step::kDone;
  runtime_.handing_over = false;
  runtime_.shutting_down = true;
  hooks_.announce(successor_);
  (void)channel_->send(HandoverStep::kAnnounce, {}, {}, monotonic_ms());
  log::notice("weir: upgraded (process ", successor_, " serves), connections may finish here");
  if (done_) std::exchange(done_, nullptr)(successor_);
  hooks_.release();
  watch_successor();
}

// It says no more; the end of its channel is its own.
void Upgrade::watch_successor() {
  const bool watched =
      run_beside([this, channel = channel_.get(), pid = successor_, alive = std::weak_ptr<int>(alive_)] {
        while (channel->receive(kNever)) {
        }
        if (alive.expired()) return;  // this one ends first
        const std::string how = process::wait_for_end(pid);
        if (how == "exit status 0") return;
        runtime_.loop.post([this, alive, how] {
          if (!alive.expired()) hooks_.successor_lost(how);
        });
      });
  if (!watched) log::warn("weir: the process that has taken over is not watched (no thread)");
}

// The new process has served nobody, or has just begun to: it is ended at once.
void Upgrade::fail(const std::string& why) {
  std::string text = why;
  if (successor_ != 0) {
    const bool ended_itself = why == "it has ended";
    channel_.reset();
    if (helper_.joinable()) helper_.join();
    const std::string how = process::end_child(std::exchange(successor_, 0));
    text = "the new process: " +
           (ended_itself ? "it has ended (" + how + ", its stderr or error log has the reason)" : why);
  }
  log::error("weir: upgrade failed (", text, "), this process goes on serving");
  if (step_ == Step::kStarting) hooks_.take_back();
  runtime_.handing_over = false;
  step_ = Step::kIdle;
  if (done_) std::exchange(done_, nullptr)(Unexpected{text});
  reload_.go_on();
}

void Upgrade::cancel() {
  if (step_ == Step::kIdle || step_ == Step::kDone) return;
  if (channel_ != nullptr) channel_->cut();
  if (step_ != Step::kHolding) return;  // the helper thread tells
  done_ = nullptr;
  step_ = Step::kIdle;
}

void Upgrade::beside(std::function<Status<>()> work, void (Upgrade::*then)(const Status<>&)) {
  const auto tell = [this, then, alive = std::weak_ptr<int>(alive_)](Status<> outcome) {
    runtime_.loop.post([this, alive, then, outcome = std::move(outcome)] {
      if (!alive.expired()) (this->*then)(outcome);
    });
  };
  if (!run_beside([work = std::move(work), tell] { tell(work()); })) tell(Unexpected{std::string("no thread")});
}

// False: the system gives no thread.
bool Upgrade::run_beside(std::function<void()> work) {
  if (helper_.joinable()) helper_.join();
  Result<std::thread> thread = start_thread(std::move(work));
  if (!thread) return false;
  helper_ = std::move(*thread);
  return true;
}

}  // namespace weir::server
