// Loop: one uv_loop, turned by hand so that the wheel, the hooks and the graveyard come after the poll and its
// callbacks.
#include "io/loop.h"

#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "io/loop_impl.h"
#include "io/uv_box.h"

namespace weir::io {
namespace {

// No descriptors or memory for a loop: there is nothing to go on with.
void must(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "weir: %s: %s\n", what, uv_strerror(status));
  std::abort();
}

// Null, and `status` says why.
std::unique_ptr<uv_loop_t> make_uv_loop(int& status) {
  auto uv = std::make_unique<uv_loop_t>();
  status = uv_loop_init(uv.get());
  return status == 0 ? std::move(uv) : nullptr;
}

std::unique_ptr<uv_loop_t> must_make_uv_loop() {
  int status = 0;
  auto uv = make_uv_loop(status);
  must(status, "cannot make an event loop");
  return uv;
}

void on_timer(uv_timer_t* timer) {
  loop_of(reinterpret_cast<uv_handle_t*>(timer)).impl().timer_due = kNever;
  // libuv runs timers before it polls, and would now poll without a timeout; stopped, it polls without waiting.
  uv_stop(timer->loop);
}

void on_wake(uv_async_t* async) {
  Loop& loop = loop_of(reinterpret_cast<uv_handle_t*>(async));
  loop.time_passed();
  Loop::Impl& impl = loop.impl();
  impl.mailbox.take(impl.delivered);
  for (Mailbox::Fn& fn : impl.delivered) {
    fn();
    fn = nullptr;
  }
  impl.delivered.clear();
}

}  // namespace

Loop::Loop(const MonoMs* clock, std::unique_ptr<uv_loop_s> uv)
    : clock_(clock),
      uv_(std::move(uv)),
      slab_(new char[kSlabBytes]),
      impl_(std::make_unique<Impl>(chunks_)),
      wheel_(now()) {
  uv_->data = this;
  status_ = uv_timer_init(uv_.get(), &impl_->timer);
  if (status_ == 0) status_ = uv_async_init(uv_.get(), &impl_->wake, on_wake);
}

Loop::Loop(const MonoMs* clock) : Loop(clock, must_make_uv_loop()) {
  must(status_, "cannot make a mailbox");
}

Result<std::unique_ptr<Loop>> Loop::make() {
  int status = 0;
  auto uv = make_uv_loop(status);
  if (status == 0) {
    std::unique_ptr<Loop> loop(new Loop(nullptr, std::move(uv)));
    status = loop->status_;
    if (status == 0) return loop;
  }
  return Unexpected{std::string("no event loop (") + uv_strerror(status) + ")"};
}

Loop::~Loop() {
  impl_->mailbox.close();
  impl_->hooks.clear();
  empty_graveyard();
  uv_walk(
      uv_.get(),
      [](uv_handle_t* handle, void* arg) {
        const auto* impl = static_cast<const Impl*>(arg);
        if (uv_is_closing(handle) != 0) return;
        const void* own = handle;
        if (own == &impl->timer || own == &impl->wake) {
          uv_close(handle, nullptr);
        } else {
          static_cast<UvBox*>(handle->data)->abandon();
          UvBox::close(handle);
        }
      },
      impl_.get());
  while (uv_run(uv_.get(), UV_RUN_DEFAULT) != 0) {
  }
  must(uv_loop_close(uv_.get()), "an event loop ended with open handles");
}

void Loop::run() {
  while (!impl_->stopped) turn(true);
  impl_->stopped = false;
}

void Loop::turn(bool wait) {
  set_timer();
  time_passed();  // the poll may last
  wall_offset_ = 0;
  const bool waits = wait && !impl_->hurries;
  impl_->hurries = false;
  uv_run(uv_.get(), waits ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  time_passed();
  wheel_.advance(now());
  end_turn();
}

int64_t Loop::wall_us() {
  if (wall_offset_ == 0) wall_offset_ = weir::wall_us() - monotonic_us();
  return now_us() + wall_offset_;
}

void Loop::hurry() {
  impl_->hurries = true;
}

void Loop::stop() {
  impl_->stopped = true;
}

// On Linux libuv's clock is CLOCK_MONOTONIC (the coarse one where that is precise to 1 ms), as monotonic_ms() is.
MonoMs Loop::now() const {
  return clock_ != nullptr ? *clock_ : static_cast<MonoMs>(uv_now(uv_.get()));
}

void Loop::arm(Deadline& deadline, MonoMs due) {
  wheel_.arm(deadline, due);
}

void Loop::bury(std::unique_ptr<Buriable> dead) {
  impl_->graveyard.push_back(std::move(dead));
}

void Loop::at_turn_end(std::function<void()> hook) {
  impl_->hooks.push_back(std::move(hook));
}

bool Loop::post(std::function<void()> fn) {
  return impl_->mailbox.put(std::move(fn), [this] { uv_async_send(&impl_->wake); });
}

// The timer is moved only to an earlier time. One that fires for a deadline which has been renewed since costs an empty
// turn; moving it with every renewal would cost a heap operation per request.
void Loop::set_timer() {
  const MonoMs due = wheel_.next_due();
  if (due >= impl_->timer_due) return;
  impl_->timer_due = due;
  const MonoMs at = now();
  uv_timer_start(&impl_->timer, on_timer, due > at ? static_cast<uint64_t>(due - at) : 0, 0);
}

// A hook that a hook adds begins with the next turn.
void Loop::end_turn() {
  auto hook = impl_->hooks.begin();
  for (size_t left = impl_->hooks.size(); left > 0; --left) (*hook++)();
  empty_graveyard();
}

void Loop::empty_graveyard() {
  while (!impl_->graveyard.empty()) {
    impl_->dying.swap(impl_->graveyard);
    for (auto& dead : impl_->dying) dead.reset();
    impl_->dying.clear();
  }
}

}  // namespace weir::io
