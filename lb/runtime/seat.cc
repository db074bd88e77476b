// Choosing among workers.
#include "runtime/seat.h"

namespace weir::runtime {

int choose_seat(const Seats& seats, int last) {
  const int count = static_cast<int>(seats.size());
  int best = -1;
  for (int step = 1; step <= count; ++step) {
    const int i = (last + step) % count;
    const Seat& seat = *seats[static_cast<size_t>(i)];
    if (!seat.has_room()) continue;
    if (best < 0 || seat.load() < seats[static_cast<size_t>(best)]->load()) best = i;
  }
  return best;
}

}  // namespace weir::runtime
