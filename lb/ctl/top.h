// weir top: the live view in a terminal.
#pragma once
#include <cstdint>
#include <string>

#include "process/options.h"

namespace weir::ctl {

// Every second until q is pressed; where the output is no terminal, once.
int top(const process::CommandLine& line);

struct TopScreen {
  enum class Order : uint8_t { kState, kRequests, kSlow, kLoad };
  static constexpr int kOrders = 4;
  size_t width = 100;
  size_t height = 0;  // 0: as many lines as there are
  bool colours = false;
  Order order = Order::kState;
  bool only_out = false;
  size_t scrolled = 0;  // lines of the part below the head
};

// One picture of what /v1/live says, lines of at most `width` characters. Whatever the JSON holds, it does not fail.
std::string top_text(const std::string& json, const TopScreen& screen);

}  // namespace weir::ctl
