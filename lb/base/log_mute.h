// For who tries out what others do in earnest: the error log is of what has happened.
#pragma once

namespace weir::log {

// While it lives its thread logs nothing. They nest; each ends on the thread that it began on.
class Mute {
 public:
  Mute();
  ~Mute();
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;
};

}  // namespace weir::log
