// What tools/instructions counts: warm rounds of one kind, inside the function whose instructions callgrind collects.
//   warm_requests NAME ROUNDS      NAME: get, post, chunked, local or websocket
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/warm_rig.h"

using weir::sim::WarmRig;

// Its name is what callgrind is told to collect.
extern "C" __attribute__((noinline)) void weir_counted_rounds(WarmRig& rig, std::string_view request,
                                                              std::string_view response, int rounds) {
  for (int i = 0; i < rounds; ++i) rig.round(request, response);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: warm_requests NAME ROUNDS\n");
    return 2;
  }
  const int rounds = std::atoi(argv[2]);
  constexpr int kWarm = 50;
  WarmRig rig;
  if (std::strcmp(argv[1], "websocket") == 0) {
    rig.round(weir::sim::kUpgradeRequest, weir::sim::kUpgradeResponse);
    for (int i = 0; i < kWarm; ++i) rig.round(weir::sim::kMessage, weir::sim::kEcho);
    weir_counted_rounds(rig, weir::sim::kMessage, weir::sim::kEcho, rounds);
    return 0;
  }
  for (const weir::sim::Round& round : weir::sim::warm_rounds()) {
    if (std::strcmp(round.name, argv[1]) != 0) continue;
    for (int i = 0; i < kWarm; ++i) rig.round(round.request, round.response);
    weir_counted_rounds(rig, round.request, round.response, rounds);
    return 0;
  }
  std::fprintf(stderr, "no round \"%s\"\n", argv[1]);
  return 2;
}
