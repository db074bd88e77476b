// What the error log says of one peer's health: a line a change, never one a probe, and few when it flaps.
#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir::upstream {

class ChangeLog {
 public:
  static constexpr int kMostLines = 6;  // of a peer within kWindow
  static constexpr MonoMs kWindow = 60'000;

  // `peer`: "myapp/10.0.0.1:13000". `lasted`: how long it was in the other state; below 0: nobody knows.
  void down(std::string_view peer, std::string_view reason, std::string_view check, MonoMs lasted, MonoMs now);
  void up(std::string_view peer, MonoMs lasted, MonoMs now);
  // From time to time: says where a peer stands whose last changes went unsaid, once its window is over.
  void catch_up(std::string_view peer, bool is_down, MonoMs now) {
    if (unlogged_ != 0 && now - window_ >= kWindow) log_unlogged(peer, is_down, now);
  }

 private:
  bool pass(MonoMs now);
  std::string_view ending() const;
  void log_unlogged(std::string_view peer, bool is_down, MonoMs now);
  MonoMs window_ = -kWindow;
  int lines_ = 0;
  int unlogged_ = 0;
};

// "850 ms", "35 s", "12 min", "5 h".
std::string time_text(MonoMs ms);

}  // namespace weir::upstream
