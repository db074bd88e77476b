// The two sides of an exchange as tables. A transition that is not drawn here is our bug: it asserts in debug builds;
// in release builds the caller resets the exchange and counts it.
//
//   request   kIdle -> kReceiving -> kComplete            the client's request, head then body
//                          |  \-> kDiscarding -> kComplete    the answer needs no body: what comes is read and thrown
//                          away
//                          \-> kAborted                       the client left, or its framing broke
//   response  kNone -> kHead -> kBody -> kEnded           kHead: a head is ready to go out
//               |        \-> kEnded                       an answer without a body, or a 101: the tunnel has it now
//               \-> kEnded (nothing was answered: 444, 499)    any -> kAborted (the client sees a truncation)
#pragma once
#include <cstdint>

namespace weir::proxy {

enum class RequestState : uint8_t { kIdle, kReceiving, kDiscarding, kComplete, kAborted };
enum class ResponseState : uint8_t { kNone, kHead, kBody, kEnded, kAborted };

// False when the table has no such arrow; the state is then unchanged.
bool advance(RequestState& state, RequestState to);
bool advance(ResponseState& state, ResponseState to);

}  // namespace weir::proxy
