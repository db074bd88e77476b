// The keys that session tickets are encrypted with (RFC 5077, RFC 8446 4.6.1): one ring for all workers, kept over
// reloads. Who has them can read recorded TLS 1.2 traffic of their time, so weir makes its own, forgets them after a
// day, and writes them nowhere.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace weir::io {

struct TicketKey {
  std::array<uint8_t, 16> name{};
  std::array<uint8_t, 32> mac{};
  std::array<uint8_t, 32> cipher{};
  uint8_t mac_bytes = 32;
  uint8_t cipher_bytes = 32;  // 16: AES-128
};

// Thread-safe.
class TicketKeys {
 public:
  static constexpr MonoMs kRotateAfter = 3'600'000;
  static constexpr size_t kMostOwn = 25;  // a day, and the one that is being used

  // Of an operator's file as nginx reads it: 80 bytes (name, HMAC key, AES-256 key) or 48 (name, AES-128 key, HMAC
  // key).
  static Result<TicketKey> parse(std::string_view file);
  // Once a fixed key is there, none is made any more. The first encrypts.
  void add_fixed(const TicketKey& key);

  // To encrypt with, at this time: makes the first one, and a new one when it is time. None: there is no randomness.
  std::optional<TicketKey> current(MonoMs now);
  struct Found {
    TicketKey key;
    bool newest = false;  // else the ticket is to be renewed
  };
  std::optional<Found> find(const uint8_t* name, MonoMs now);
  size_t size() const;
  // Its own keys, the newest first, and when that was made; for a successor, whose tickets are to be these. None where
  // an operator's file has them.
  struct Ring {
    std::deque<TicketKey> keys;
    MonoMs made = 0;
  };
  Ring ring() const;
  // Instead of making the first one. Without a place for all of them the oldest go.
  void restore(Ring ring);

 private:
  void rotate(MonoMs now);

  mutable std::mutex mutex_;
  std::deque<TicketKey> keys_;  // newest first
  bool fixed_ = false;
  MonoMs made_ = 0;
};

}  // namespace weir::io
