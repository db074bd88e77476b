// Unix signals as events of one loop.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "io/loop.h"

namespace weir::io {

class Signals {
 public:
  // `on_signal` runs on the loop for each signal of `numbers` that the process gets; several of one kind that come
  // before it ran may count as one. It may destroy this object.
  Signals(Loop& loop, const std::vector<int>& numbers, const std::function<void(int)>& on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Box;
  std::vector<Box*> boxes_;
};

}  // namespace weir::io
