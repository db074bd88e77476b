// limit_rate: what goes to a client is let out at a steady rate, in steps of a tenth of a second; what may not go yet
// is held here.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/chunk.h"
#include "base/clock.h"
#include "base/timer_wheel.h"

namespace weir::proxy {

class Exchange;

class Throttle final : private DeadlineHandler {
 public:
  // Bytes a second, behind the first `after`.
  struct Rate {
    uint64_t bytes = 0;
    uint64_t after = 0;
  };
  // Above this no client's rate is limited.
  static constexpr uint64_t kMostRate = 1ULL << 40;
  static constexpr MonoMs kStep = 100;

  Throttle(Exchange& exchange, Rate rate, MonoMs now, ChunkPool& chunks)
      : x_(exchange), rate_(rate), began_(now), held_(chunks) {}

  // What waits, and whether nothing comes behind it.
  Chain& held() { return held_; }
  bool ended = false;
  // How much may go now.
  uint64_t allowed(MonoMs now) const;
  void note_sent(uint64_t bytes) { sent_ += bytes; }
  // When the next step may go.
  MonoMs due(MonoMs now) const;
  Deadline& deadline() { return deadline_; }

 private:
  void on_deadline(Deadline&) override;

  Exchange& x_;
  const Rate rate_;
  const MonoMs began_;
  uint64_t sent_ = 0;
  Chain held_;
  Deadline deadline_{this};
};

}  // namespace weir::proxy
