#include "upstream/stall_watch.h"

namespace weir::upstream {

void StallWatch::enter() {
  if (watchers_++ == 0) beat();
}

void StallWatch::leave() {
  if (--watchers_ == 0) deadline_.cancel();
}

void StallWatch::beat() {
  due_ = loop_.now() + kBeat;
  loop_.arm(deadline_, due_);
}

void StallWatch::on_deadline(Deadline&) {
  if (const MonoMs late = loop_.now() - due_; late > kNoise) lost_ += late;
  beat();
}

}  // namespace weir::upstream
