// The timer wheel: never early, at most one tick late, and indifferent to what callbacks do to it.
#include "base/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/rng.h"

namespace weir {
namespace {

struct Owner final : DeadlineHandler {
  Owner() : deadline(this) {}
  void on_deadline(Deadline& which) override {
    EXPECT_EQ(&which, &deadline);
    EXPECT_FALSE(which.armed());
    ++fired;
    if (then) then();
  }
  Deadline deadline;
  int fired = 0;
  std::function<void()> then;
};

constexpr MonoMs kStart = 1'000'000;

TEST(TimerWheel, fires_once_and_never_early) {
  for (MonoMs wait = 0; wait < 40; ++wait) {
    for (MonoMs phase = 0; phase < TimerWheel::kTickMs; ++phase) {
      TimerWheel wheel(kStart + phase);
      Owner owner;
      const MonoMs due = kStart + phase + wait;
      wheel.arm(owner.deadline, due);
      for (MonoMs now = kStart + phase; now < due; ++now) {
        wheel.advance(now);
        ASSERT_EQ(owner.fired, 0) << "wait " << wait << " phase " << phase << " at " << now;
      }
      wheel.advance(due + TimerWheel::kTickMs);
      ASSERT_EQ(owner.fired, 1);
      EXPECT_FALSE(owner.deadline.armed());
      wheel.advance(due + 100'000);
      ASSERT_EQ(owner.fired, 1);
    }
  }
}

TEST(TimerWheel, fires_at_its_millisecond_when_that_is_a_whole_tick) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart + 1000);
  wheel.advance(kStart + 999);
  EXPECT_EQ(owner.fired, 0);
  wheel.advance(kStart + 1000);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, waits_the_right_number_of_turns_for_a_far_deadline) {
  TimerWheel wheel(kStart);
  Owner owner;
  const MonoMs due = kStart + 75'000;
  wheel.arm(owner.deadline, due);
  for (MonoMs now = kStart; now < due; now += 3) wheel.advance(now);
  EXPECT_EQ(owner.fired, 0);
  wheel.advance(due);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, renewal_to_a_later_time_fires_then) {
  TimerWheel wheel(kStart);
  Owner owner;
  MonoMs due = 0;
  for (MonoMs now = kStart; now < kStart + 30'000; now += 17) {
    wheel.advance(now);
    wheel.arm(owner.deadline, due = now + 500);
    ASSERT_EQ(owner.deadline.due(), due);
  }
  EXPECT_EQ(owner.fired, 0);
  wheel.advance(due - 1);
  EXPECT_EQ(owner.fired, 0);
  wheel.advance(due + TimerWheel::kTickMs);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, an_earlier_time_moves_at_once) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart + 60'000);
  wheel.arm(owner.deadline, kStart + 80'000);
  wheel.arm(owner.deadline, kStart + 24);
  EXPECT_LE(wheel.next_due(), kStart + 24 + TimerWheel::kTickMs);
  wheel.advance(kStart + 24);
  EXPECT_EQ(owner.fired, 1);
  wheel.advance(kStart + 90'000);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, earlier_time_after_a_renewal_is_exact) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart + 800);
  wheel.arm(owner.deadline, kStart + 8000);
  wheel.arm(owner.deadline, kStart + 1600);  // later than the slot, earlier than the renewal
  wheel.advance(kStart + 1599);
  EXPECT_EQ(owner.fired, 0);
  wheel.advance(kStart + 1600);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, cancelled_deadline_can_be_armed_again) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart + 80);
  owner.deadline.cancel();
  EXPECT_FALSE(owner.deadline.armed());
  EXPECT_EQ(wheel.armed(), 0U);
  wheel.advance(kStart + 200);
  EXPECT_EQ(owner.fired, 0);
  wheel.arm(owner.deadline, kStart + 400);
  wheel.advance(kStart + 400);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, arming_for_never_is_cancelling) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart + 80);
  wheel.arm(owner.deadline, kNever);
  EXPECT_FALSE(owner.deadline.armed());
  EXPECT_EQ(wheel.armed(), 0U);
  wheel.advance(kStart + 100'000);
  EXPECT_EQ(owner.fired, 0);
  EXPECT_EQ(wheel.next_due(), kNever);
}

TEST(TimerWheel, takes_a_far_deadline) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kNever - 1);
  EXPECT_GT(wheel.next_due(), kStart + 1'000'000'000);
  EXPECT_NE(wheel.next_due(), kNever);
  wheel.advance(kStart + 50'000);
  EXPECT_EQ(owner.fired, 0);
  EXPECT_TRUE(owner.deadline.armed());
}

TEST(TimerWheel, a_past_time_fires_at_the_next_tick) {
  TimerWheel wheel(kStart);
  Owner owner;
  wheel.arm(owner.deadline, kStart - 5000);
  EXPECT_LE(wheel.next_due(), kStart + TimerWheel::kTickMs);
  wheel.advance(kStart + TimerWheel::kTickMs);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, a_stall_of_many_turns_fires_each_deadline_once) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Owner>> owners;
  for (int i = 0; i < 3000; ++i) {
    owners.push_back(std::make_unique<Owner>());
    wheel.arm(owners.back()->deadline, kStart + i * 13);
  }
  wheel.advance(kStart + 1'000'000);
  for (const auto& owner : owners) EXPECT_EQ(owner->fired, 1);
  EXPECT_EQ(wheel.armed(), 0U);
  EXPECT_EQ(wheel.next_due(), kNever);
}

TEST(TimerWheel, deadline_rearmed_in_its_callback_fires_once_an_advance) {
  TimerWheel wheel(kStart);
  Owner owner;
  owner.then = [&] { wheel.arm(owner.deadline, kStart); };  // always in the past
  wheel.arm(owner.deadline, kStart);
  wheel.advance(kStart + 100'000);
  EXPECT_EQ(owner.fired, 1);
  wheel.advance(kStart + 100'000 + TimerWheel::kTickMs);
  EXPECT_EQ(owner.fired, 2);
}

TEST(TimerWheel, every_callback_may_cancel_everything) {
  for (const MonoMs spread : {0, 3, 100}) {
    TimerWheel wheel(kStart);
    std::vector<std::unique_ptr<Owner>> owners;
    int fired = 0;
    for (int i = 0; i < 50; ++i) {
      owners.push_back(std::make_unique<Owner>());
      owners.back()->then = [&] {
        ++fired;
        for (auto& owner : owners) owner->deadline.cancel();
      };
      wheel.arm(owners.back()->deadline, kStart + 100 + i * spread);
    }
    wheel.advance(kStart + 50'000);
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(wheel.armed(), 0U);
  }
}

TEST(TimerWheel, every_callback_may_destroy_everything) {
  for (const MonoMs spread : {0, 3, 100}) {
    TimerWheel wheel(kStart);
    std::vector<std::unique_ptr<Owner>> owners;
    std::vector<std::unique_ptr<Owner>> graveyard;
    int fired = 0;
    for (int i = 0; i < 50; ++i) {
      owners.push_back(std::make_unique<Owner>());
      Owner* self = owners.back().get();
      self->then = [&, self] {
        ++fired;
        // The closure that runs lives in its owner, so that one dies a moment later; all others die here.
        for (auto& owner : owners)
          if (owner.get() == self) graveyard.push_back(std::move(owner));
        owners.clear();
      };
      wheel.arm(self->deadline, kStart + 100 + i * spread);
    }
    wheel.advance(kStart + 50'000);
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(wheel.armed(), 0U);
  }
}

struct SelfDestroying final : DeadlineHandler {
  explicit SelfDestroying(std::unique_ptr<SelfDestroying>& holder) : deadline(this), held_by(holder) {}
  void on_deadline(Deadline&) override { held_by.reset(); }
  Deadline deadline;
  std::unique_ptr<SelfDestroying>& held_by;
};

TEST(TimerWheel, a_callback_may_destroy_its_own_owner) {
  TimerWheel wheel(kStart);
  std::unique_ptr<SelfDestroying> holder;
  holder = std::make_unique<SelfDestroying>(holder);
  wheel.arm(holder->deadline, kStart + 8);
  wheel.advance(kStart + 16);
  EXPECT_EQ(holder, nullptr);
}

TEST(TimerWheel, every_callback_may_arm_everything_anew) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Owner>> owners;
  MonoMs now = kStart;
  for (int i = 0; i < 20; ++i) {
    owners.push_back(std::make_unique<Owner>());
    owners.back()->then = [&] {
      for (auto& owner : owners) wheel.arm(owner->deadline, now + 80);
    };
    wheel.arm(owners.back()->deadline, kStart + 80);
  }
  for (int turn = 1; turn <= 5; ++turn) {
    now = kStart + turn * 80;
    wheel.advance(now);
    int fired = 0;
    for (auto& owner : owners) fired += owner->fired;
    EXPECT_EQ(fired, turn);  // the first one puts all the others off
    EXPECT_EQ(wheel.armed(), owners.size());
  }
}

TEST(TimerWheel, fires_in_the_order_of_ticks) {
  TimerWheel wheel(kStart);
  std::vector<int> order;
  std::vector<std::unique_ptr<Owner>> owners;
  for (const int i : {3, 1, 4, 0, 2}) {
    owners.push_back(std::make_unique<Owner>());
    owners.back()->then = [&order, i] { order.push_back(i); };
    wheel.arm(owners.back()->deadline, kStart + 100 + i * 16);
  }
  wheel.advance(kStart + 1000);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(TimerWheel, a_deadline_without_an_owner_just_ends) {
  TimerWheel wheel(kStart);
  Deadline deadline;
  wheel.arm(deadline, kStart + 8);
  wheel.advance(kStart + 8);
  EXPECT_FALSE(deadline.armed());
}

TEST(TimerWheel, a_deadline_unlinks_itself_when_it_dies) {
  TimerWheel wheel(kStart);
  {
    Owner owner;
    wheel.arm(owner.deadline, kStart + 8);
    EXPECT_EQ(wheel.armed(), 1U);
  }
  EXPECT_EQ(wheel.armed(), 0U);
  wheel.advance(kStart + 16);
}

TEST(TimerWheel, may_die_before_its_deadlines) {
  Owner owner;
  {
    TimerWheel wheel(kStart);
    wheel.arm(owner.deadline, kStart + 8);
  }
  owner.deadline.cancel();
  TimerWheel another(kStart);
  another.arm(owner.deadline, kStart + 8);
  another.advance(kStart + 8);
  EXPECT_EQ(owner.fired, 1);
}

TEST(TimerWheel, next_due_is_a_whole_tick_or_never) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.next_due(), kNever);
  Owner near;
  Owner far;
  wheel.arm(far.deadline, kStart + 100'000);
  EXPECT_EQ(wheel.next_due(), kStart + 100'000);
  wheel.arm(near.deadline, kStart + 101);
  EXPECT_EQ(wheel.next_due(), kStart + 104);
  wheel.advance(kStart + 104);
  EXPECT_EQ(near.fired, 1);
  EXPECT_EQ(wheel.next_due(), kStart + 100'000);  // no needless wake-ups for the far one
}

// A loop that sleeps exactly until next_due() must miss nothing and must not spin.
TEST(TimerWheel, a_loop_that_trusts_next_due_fires_everything_in_time) {
  Rng rng(42);
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Owner>> owners;
  std::vector<MonoMs> due(200, kNever);
  MonoMs now = kStart;
  int wakeups = 0;
  int operations = 0;
  for (size_t i = 0; i < due.size(); ++i) {
    owners.push_back(std::make_unique<Owner>());
    owners.back()->then = [&, i] {
      EXPECT_GE(now, due[i]);
      EXPECT_LT(now, due[i] + TimerWheel::kTickMs);
      due[i] = kNever;
    };
  }
  const auto change_one = [&] {
    const size_t i = rng.below(due.size());
    ++operations;
    if (rng.below(4) == 0) {
      owners[i]->deadline.cancel();
      due[i] = kNever;
      return;
    }
    due[i] = now + 1 + static_cast<MonoMs>(rng.below(rng.below(2) == 0 ? 300 : 40'000));
    wheel.arm(owners[i]->deadline, due[i]);
  };
  for (int i = 0; i < 5000; ++i) {
    for (uint64_t n = rng.below(4); n > 0; --n) change_one();
    ASSERT_GE(wheel.next_due(), now);
    if (wheel.next_due() == kNever) continue;
    // Sometimes the poll ends early, for a socket.
    now = rng.below(3) == 0 ? now + 1 : std::max(now, wheel.next_due());
    wheel.advance(now);
    ++wakeups;
    for (const MonoMs at : due) ASSERT_TRUE(at == kNever || at > now - TimerWheel::kTickMs);
  }
  while (wheel.next_due() != kNever) {
    now = std::max(now, wheel.next_due());
    wheel.advance(now);
    ASSERT_LT(++wakeups, 5000 + 2 * operations) << "the loop spins";
  }
  EXPECT_EQ(wheel.armed(), 0U);
  for (const MonoMs at : due) EXPECT_EQ(at, kNever);
}

}  // namespace
}  // namespace weir
