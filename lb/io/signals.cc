// Signals through uv_signal_t.
#include "io/signals.h"

#include <uv.h>

#include <algorithm>

#include "io/uv_box.h"

namespace weir::io {

struct Signals::Box final : UvBox {
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&signal); }

  void abandon() override {
    if (owner == nullptr) return;
    std::erase(owner->boxes_, this);
    owner = nullptr;
  }

  uv_signal_t signal{};
  Signals* owner = nullptr;
  std::function<void(int)> on_signal;  // here, so that it lives on when it destroys its owner
};

Signals::Signals(Loop& loop, const std::vector<int>& numbers, const std::function<void(int)>& on_signal) {
  for (const int number : numbers) {
    Box* box = new Box;
    if (uv_signal_init(loop.uv(), &box->signal) != 0) {
      delete box;
      continue;
    }
    box->signal.data = static_cast<UvBox*>(box);
    box->owner = this;
    box->on_signal = on_signal;
    uv_signal_start(
        &box->signal,
        [](uv_signal_t* signal, int caught) {
          Box& me = *static_cast<Box*>(static_cast<UvBox*>(signal->data));
          if (me.owner != nullptr) me.on_signal(caught);
        },
        number);
    boxes_.push_back(box);
  }
}

Signals::~Signals() {
  for (Box* box : boxes_) {
    box->owner = nullptr;
    UvBox::close(box->handle());
  }
}

}  // namespace weir::io
