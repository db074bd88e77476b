#include "base/error.h"

#include <array>

namespace weir {
namespace {

constexpr std::array<ErrorTraits, kErrorKinds> kTable = {{
    {Side::kLocal, RetryClass::kNone, 200, "ok", false},
    {Side::kClient, RetryClass::kNone, 499, "client_abort", false},
    {Side::kClient, RetryClass::kNone, 408, "client_abort", false},
    {Side::kClient, RetryClass::kNone, 499, "client_abort", false},
    {Side::kPeer, RetryClass::kConnect, 502, "connect_refused", true},
    {Side::kPeer, RetryClass::kConnect, 504, "connect_timeout", true},
    {Side::kPeer, RetryClass::kConnect, 502, "connect_refused", true},
    {Side::kPeer, RetryClass::kConnect, 502, "tls_failed", true},
    {Side::kPeer, RetryClass::kConnect, 502, "tls_unverified", true},
    {Side::kPeer, RetryClass::kReused, 502, "reused_closed", false},
    {Side::kPeer, RetryClass::kListed, 502, "reset_before_response", true},
    {Side::kPeer, RetryClass::kListed, 504, "header_timeout", true},
    {Side::kPeer, RetryClass::kNone, 504, "body_timeout", true},
    {Side::kPeer, RetryClass::kListed, 504, "body_timeout", true},
    {Side::kPeer, RetryClass::kNone, 502, "reset_mid_response", true},
    {Side::kPeer, RetryClass::kListed, 502, "invalid_response", false},
    {Side::kPeer, RetryClass::kListed, 502, "not_http", true},
    {Side::kPeer, RetryClass::kListed, 504, "declared_down", false},
    {Side::kPeer, RetryClass::kListed, 503, "not_ready", true},
    {Side::kLocal, RetryClass::kNone, 502, "name_unresolved", false},
    {Side::kLocal, RetryClass::kNone, 503, "no_peer", false},
    {Side::kLocal, RetryClass::kNone, 503, "queue_timeout", false},
    {Side::kLocal, RetryClass::kNone, 503, "queue_full", false},
    {Side::kLocal, RetryClass::kNone, 503, "overloaded", false},
    {Side::kLocal, RetryClass::kNone, 502, "retry_budget", false},
    {Side::kLocal, RetryClass::kConnect, 502, "local_error", false},
}};

}  // namespace

const ErrorTraits& traits(ErrorKind kind) {
  return kTable[static_cast<size_t>(kind)];
}

}  // namespace weir
