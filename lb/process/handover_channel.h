// The pair of sockets between a weir that serves and the one that it has started to go on in its place: packets of a
// kind, bytes and descriptors (design/0035 has the order in which they come). Both ends are weir, but perhaps of two
// versions: nothing that is read is believed before it is checked.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/result.h"

namespace weir::process {

enum class HandoverStep : uint8_t {
  kHello = 'H',        // old: the format it speaks
  kDescriptors = 'D',  // old: some descriptors, and what they are
  kPrepare = 'P',      // old: that was all of them
  kReady = 'R',        // new: nothing can be refused any more
  kFailed = 'F',       // new: why it gives up
  kState = 'S',        // old: a piece of the run-time state
  kGo = 'G',           // old: that was all of it, serve
  kServing = 'V',      // new: every worker accepts, and so does the admin socket
  kAnnounce = 'A',     // old: the supervisor knows that the new one is the main process
};

struct HandoverPacket {
  HandoverStep step = HandoverStep::kFailed;
  std::string body;
  std::vector<OwnedFd> descriptors;
};

class HandoverChannel {
 public:
  static constexpr size_t kMostBody = 48 * 1024;   // of one packet
  static constexpr size_t kMostDescriptors = 128;  // of one packet; the kernel's own limit is 253

  // Both ends, close-on-exec.
  static Result<std::pair<HandoverChannel, OwnedFd>> open();
  explicit HandoverChannel(OwnedFd fd) : fd_(std::move(fd)) {}

  // These wait until `deadline` (kNever: for ever). The error is text for the operator.
  Status<> send(HandoverStep step, std::string_view body, std::span<const int> descriptors, MonoMs deadline);
  Result<HandoverPacket> receive(MonoMs deadline);
  // receive(), where only this step is expected: kFailed is the error that it brings.
  Result<HandoverPacket> expect(HandoverStep step, MonoMs deadline);
  // Whoever waits in one of those is told at once that the other end is gone. Any thread.
  void cut() const;

 private:
  Status<> wait(short events, MonoMs deadline) const;
  OwnedFd fd_;
};

}  // namespace weir::process
