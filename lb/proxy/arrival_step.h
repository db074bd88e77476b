// One thing that a connection says, and perhaps is answered, before its session begins (arrival.h): a header in front
// of it, a handshake.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "io/transport.h"
#include "proxy/connection_info.h"

namespace weir::proxy {

class Core;

// What steps hand on to each other, and the last one to the session.
struct Arriving {
  // A step that is done may have put another one around it, which has then taken its place as the inner one's handler.
  std::unique_ptr<io::Transport> transport;
  std::string unread;  // read, and not consumed yet: as the transport gives it
  ConnectionDetails details;
  SocketAddress remote = {};  // as the socket says, unmapped
  Core* core = nullptr;       // that it has come to; outlives its steps
};

// One thing that is read (and perhaps answered) before the session. Immutable, of a listener, shared by all its
// connections; the snapshot keeps it.
class ArrivalStep {
 public:
  enum class Verdict : uint8_t {
    kMore,    // more bytes are needed
    kWaits,   // it is about to take long: on_bytes() is called again when its turn has come (Core::begins_long_step())
    kDone,    // what is left unread is the next step's, or the session's
    kRefused  // the connection is closed, and why() logged
  };
  // How far one connection has come.
  class Progress {
   public:
    virtual ~Progress() = default;
    // Bytes have come, or the step before has left some, or it does not wait for any. What it understands it takes out
    // of `unread`; it may send.
    virtual Verdict on_bytes(Arriving& connection) = 0;
    virtual std::string_view why() const = 0;  // after kRefused
  };

  virtual ~ArrivalStep() = default;
  // False: it is taken when its turn comes, whether the client has said something or not.
  virtual bool waits_for_bytes() const { return true; }
  virtual std::unique_ptr<Progress> begin() const = 0;
};

}  // namespace weir::proxy
