// Work that may block (files, slow hashes): on the threads of libuv's pool, which all loops of the process share.
#pragma once
#include <memory>

#include "io/loop.h"

namespace weir::io {

class OffLoop {
 public:
  // What it needs it owns, as its maker may be gone when it runs.
  class Work {
   public:
    virtual ~Work() = default;  // on the loop
    virtual void run() = 0;     // on a thread of the pool, with nobody else touching it
  };
  class Handler {
   public:
    // The work has run. Once a start(), never from inside it, not after cancel(). May destroy the OffLoop.
    virtual void on_work_done(std::unique_ptr<Work> work) = 0;

   protected:
    ~Handler() = default;
  };

  // `loop` and `handler` outlive it.
  OffLoop(Loop& loop, Handler& handler) : loop_(loop), handler_(handler) {}
  ~OffLoop() { cancel(); }
  OffLoop(const OffLoop&) = delete;
  OffLoop& operator=(const OffLoop&) = delete;

  // One work at a time.
  void start(std::unique_ptr<Work> work);
  // Work that has not begun does not run; what has begun runs to its end, and is thrown away there.
  void cancel();
  bool is_busy() const { return box_ != nullptr; }

 private:
  struct Box;
  Loop& loop_;
  Handler& handler_;
  Box* box_ = nullptr;
};

}  // namespace weir::io
