// The side of an upgrade that is new (design/0035): what it gets from the weir that has started it, and what it says.
// All of it happens on the main thread before this weir serves.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/owned_fd.h"
#include "base/result.h"
#include "process/handover_channel.h"
#include "process/supervisor.h"
#include "runtime/handed_state.h"
#include "runtime/listen_sockets.h"

namespace weir::server {

class Succession {
 public:
  // Null: this weir takes nobody's place.
  static std::unique_ptr<Succession> take();

  // The descriptors. The error is text for the operator; whoever gets one says so by failed().
  Status<> receive();
  std::vector<runtime::HandedSocket> sockets;
  OwnedFd pid_file, admin;  // -1: there is none
  std::string pid_path, admin_path;
  std::optional<process::Supervisor> supervisor;

  // Nothing can be refused any more: waits for what the other one has learnt up to now, and the word to serve.
  Result<runtime::HandedState> ready();
  // Every worker accepts. Returns when the service manager listens to this process.
  void serving();
  void failed(const std::string& why);

 private:
  explicit Succession(OwnedFd channel) : channel_(std::move(channel)) {}
  process::HandoverChannel channel_;  // to the end: the other one sees this process's end by it
};

}  // namespace weir::server
