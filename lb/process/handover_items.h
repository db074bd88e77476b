// The descriptors that a weir hands to its successor, and what each one is.
#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "base/sockaddr.h"
#include "process/handover_channel.h"

namespace weir::process {

// Of hello: moves when an old weir could not be understood by a new one any more, or the other way round.
inline constexpr uint32_t kHandoverFormat = 1;

struct HandoverItem {
  enum class Kind : uint8_t {
    kListener = 1,  // `address` as configured; `passed`: a supervisor's, of the unit `name`
    kPidFile = 2,   // `name`: its path
    kAdmin = 3,     // listening; `name`: its path
    kNotify = 4,    // to the service manager; `watchdog`
  };
  Kind kind = Kind::kListener;
  std::string name;
  SocketAddress address;
  bool passed = false;
  Millis watchdog{0};
  OwnedFd fd;
};

// What one packet says of its descriptors, in their order. The error says what makes no sense: then all of them are
// closed. Kinds that are not known, of a newer weir, are left out.
std::string pack_items(const HandoverItem* items, size_t count);
Result<std::vector<HandoverItem>> unpack_items(std::string_view body, std::vector<OwnedFd> descriptors);

// All of them, in as many packets as it takes. Both end with an error at `deadline`.
Status<> send_items(HandoverChannel& channel, const std::vector<HandoverItem>& items, MonoMs deadline);
// Those of all kDescriptors packets up to kPrepare.
Result<std::vector<HandoverItem>> receive_items(HandoverChannel& channel, MonoMs deadline);

}  // namespace weir::process
