// What libuv holds (DESIGN section 4): a box lives on the heap, outlives its owner, and frees itself in the close
// callback. Every handle on a weir loop, the loop's own two aside, has its box in `data`. Private to io/.
#pragma once
#include <uv.h>

#include "io/loop.h"

namespace weir::io {

class UvBox {
 public:
  UvBox() = default;
  virtual ~UvBox() = default;
  UvBox(const UvBox&) = delete;
  UvBox& operator=(const UvBox&) = delete;

  // The loop ends before the owner did: the owner forgets this box and the box its owner. The loop closes the handle.
  virtual void abandon() = 0;
  // libuv has let go of it.
  virtual void destroy() { delete this; }

  // The box is freed one turn later; with its owner cleared it calls nobody until then.
  static void close(uv_handle_t* handle) {
    uv_close(handle, [](uv_handle_t* closed) { static_cast<UvBox*>(closed->data)->destroy(); });
  }
};

inline Loop& loop_of(const uv_handle_t* handle) {
  return *static_cast<Loop*>(handle->loop->data);
}

}  // namespace weir::io
