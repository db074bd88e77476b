// What the base costs: the timer wheel under a worker's load, the arena, the hashes of a pick.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/hash.h"
#include "base/regex.h"
#include "base/rng.h"
#include "base/timer_wheel.h"

namespace weir {
namespace {

struct Silent final : DeadlineHandler {
  Silent() : deadline(this) {}
  void on_deadline(Deadline&) override {}
  Deadline deadline;
};

constexpr MonoMs kStart = 1'000'000;

// A keep-alive connection's every request: the deadline moves later.
void wheel_renew(benchmark::State& state) {
  TimerWheel wheel(kStart);
  std::vector<Silent> owners(static_cast<size_t>(state.range(0)));
  for (auto& owner : owners) wheel.arm(owner.deadline, kStart + 60'000);
  Rng rng(1);
  MonoMs due = kStart + 60'000;
  for (auto _ : state) wheel.arm(owners[rng.below(owners.size())].deadline, ++due);
}
BENCHMARK(wheel_renew)->Arg(1000)->Arg(100'000);

// A connect or header deadline: armed and cancelled within a turn.
void wheel_arm_and_cancel(benchmark::State& state) {
  TimerWheel wheel(kStart);
  std::vector<Silent> owners(static_cast<size_t>(state.range(0)));
  Rng rng(1);
  for (auto _ : state) {
    Deadline& deadline = owners[rng.below(owners.size())].deadline;
    wheel.arm(deadline, kStart + 1000 + static_cast<MonoMs>(rng.below(4000)));
    deadline.cancel();
  }
}
BENCHMARK(wheel_arm_and_cancel)->Arg(1000)->Arg(100'000);

// One loop turn of a worker that holds many idle connections (75 s each): advance and the next poll timeout.
void wheel_turn_with_idle(benchmark::State& state) {
  TimerWheel wheel(kStart);
  std::vector<Silent> owners(static_cast<size_t>(state.range(0)));
  Rng rng(1);
  MonoMs now = kStart;
  for (auto& owner : owners) wheel.arm(owner.deadline, now + static_cast<MonoMs>(rng.below(75'000)));
  for (auto _ : state) {
    wheel.advance(++now);
    benchmark::DoNotOptimize(wheel.next_due());
    if (now % 75'000 == 0) {
      state.PauseTiming();
      for (auto& owner : owners)
        if (!owner.deadline.armed()) wheel.arm(owner.deadline, now + static_cast<MonoMs>(rng.below(75'000)));
      state.ResumeTiming();
    }
  }
}
BENCHMARK(wheel_turn_with_idle)->Arg(1000)->Arg(100'000);

void arena_warm_exchange(benchmark::State& state) {
  Arena arena;
  const std::string head(600, 'h');
  for (auto _ : state) {
    arena.copy(head);
    for (int i = 0; i < 20; ++i) benchmark::DoNotOptimize(arena.allocate(40, 8));
    benchmark::DoNotOptimize(arena.concat({"10.0.0.1", ", ", "10.0.0.2"}));
    arena.reset();
  }
}
BENCHMARK(arena_warm_exchange);

void chain_append_and_consume(benchmark::State& state) {
  ChunkPool pool;
  Chain chain(pool);
  const std::string piece(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    chain.append(piece);
    chain.consume(chain.size());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(chain_append_and_consume)->Arg(1000)->Arg(64 * 1024);

void hash_crc32(benchmark::State& state) {
  const std::string key(static_cast<size_t>(state.range(0)), 'k');
  for (auto _ : state) benchmark::DoNotOptimize(crc32(key));
}
BENCHMARK(hash_crc32)->Arg(16)->Arg(256);

void hash_siphash(benchmark::State& state) {
  const std::string key(static_cast<size_t>(state.range(0)), 'k');
  for (auto _ : state) benchmark::DoNotOptimize(siphash(key, 1, 2));
}
BENCHMARK(hash_siphash)->Arg(16)->Arg(256);

void regex_location(benchmark::State& state) {
  const Regex regex = Regex::compile("\\.(png|jpe?g|css|js)$", true).value();
  RegexMatch match;
  for (auto _ : state) benchmark::DoNotOptimize(regex.match("/static/app/main.4f8a.chunk.js", &match));
}
BENCHMARK(regex_location);

}  // namespace
}  // namespace weir
