#include "proxy/states.h"

#include <array>
#include <cstddef>

namespace weir::proxy {
namespace {

template <class State>
constexpr uint8_t bit(State s) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(s));
}

using Rq = RequestState;
using Rs = ResponseState;

constexpr std::array<uint8_t, 5> kRequest = {
    /* kIdle */ bit(Rq::kReceiving) | bit(Rq::kAborted),
    /* kReceiving */ bit(Rq::kComplete) | bit(Rq::kDiscarding) | bit(Rq::kAborted),
    /* kDiscarding */ bit(Rq::kComplete) | bit(Rq::kAborted),
    /* kComplete */ bit(Rq::kAborted),
    /* kAborted */ 0,
};
constexpr std::array<uint8_t, 5> kResponse = {
    /* kNone */ bit(Rs::kHead) | bit(Rs::kEnded) | bit(Rs::kAborted),
    /* kHead */ bit(Rs::kBody) | bit(Rs::kEnded) | bit(Rs::kAborted),
    /* kBody */ bit(Rs::kEnded) | bit(Rs::kAborted),
    /* kEnded */ 0,
    /* kAborted */ 0,
};

template <class State, size_t N>
bool follow(const std::array<uint8_t, N>& table, State& state, State to) {
  if ((table[static_cast<size_t>(state)] & bit(to)) == 0) return false;
  state = to;
  return true;
}

}  // namespace

bool advance(RequestState& state, RequestState to) {
  return follow(kRequest, state, to);
}
bool advance(ResponseState& state, ResponseState to) {
  return follow(kResponse, state, to);
}

}  // namespace weir::proxy
