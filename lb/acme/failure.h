// Why a certificate was not had. The kind decides how long weir waits before it asks again (schedule.h).
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace weir::acme {

struct Failure {
  enum class Kind : uint8_t {
    kUnreachable,  // no answer, or one of a server in trouble
    kLimited,      // too many requests; `retry_after` says for how long, where the server did
    kRefused,      // the CA says no: a challenge failed, a CAA record forbids it
    kAccount,      // the account is not known, not allowed or not to be made
    kNonsense,     // an answer that cannot be read, or a certificate that is not what was asked for
    kLocal,        // the state directory
    kStopped       // weir ends or its configuration changed: no failure
  };
  Kind kind = Kind::kNonsense;
  std::string text;         // for the operator
  int64_t retry_after = 0;  // seconds; 0: not said
  std::string type = {};    // of an ACME problem: "badNonce"
};
const char* to_string(Failure::Kind kind);

template <class T>
using Attempt = Result<T, Failure>;

}  // namespace weir::acme
