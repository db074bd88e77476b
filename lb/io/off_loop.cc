// uv_queue_work. Its box is no handle's: the loop's end waits until it has run.
#include "io/off_loop.h"

#include <uv.h>

#include <cassert>
#include <utility>

#include "io/uv_box.h"

namespace weir::io {

struct OffLoop::Box {
  uv_work_t request{};
  std::unique_ptr<Work> work;
  OffLoop* owner = nullptr;
};

void OffLoop::start(std::unique_ptr<Work> work) {
  assert(box_ == nullptr);
  box_ = new Box;
  box_->request.data = box_;
  box_->work = std::move(work);
  box_->owner = this;
  uv_queue_work(
      loop_.uv(), &box_->request, [](uv_work_t* request) { static_cast<Box*>(request->data)->work->run(); },
      [](uv_work_t* request, int) {
        const std::unique_ptr<Box> box(static_cast<Box*>(request->data));
        static_cast<Loop*>(request->loop->data)->time_passed();
        OffLoop* const owner = box->owner;
        if (owner == nullptr) return;
        owner->box_ = nullptr;
        owner->handler_.on_work_done(std::move(box->work));
      });
}

void OffLoop::cancel() {
  if (box_ == nullptr) return;
  Box& box = *std::exchange(box_, nullptr);
  box.owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&box.request));
}

}  // namespace weir::io
