// The control thread while weir serves: signals in, reloads and the end out.
#pragma once
#include "io/signals.h"
#include "server/reload.h"
#include "server/runtime.h"

namespace weir::server {

class Control {
 public:
  explicit Control(Runtime& runtime);
  // Workers start with what the start has built.
  void start() { reload_.start(); }
  // Until TERM, INT (at once) or QUIT (after the drain).
  void run();

 private:
  void on_signal(int number);
  void stop(const char* why);
  void quit();
  void reopen_logs();

  Runtime& runtime_;
  Reload reload_;
  io::Signals signals_;
  bool quitting_ = false;
};

}  // namespace weir::server
