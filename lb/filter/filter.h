// The seam for what a route adds to an exchange: a filter sees heads and bodies, may change them, answer itself, or
// hold the exchange until it lets it go on. A filter is immutable and shared by all exchanges of its location; what it
// remembers of one lives in that exchange's arena, behind Context::state.
#pragma once
#include <functional>
#include <string_view>

#include "base/arena.h"
#include "base/sockaddr.h"
#include "http/head.h"
#include "route/variable.h"

namespace weir::filter {

// Only the exchange acts; a filter says what it wants (PITFALLS section 1).
enum class Verdict : uint8_t {
  kContinue,
  kAnswer,   // Context::status is the response; error_page applies
  kSuspend,  // nothing moves on until Context::resume() is called; then the same hook is called again
};

struct Context {
  const route::VariableSource& variables;
  Arena& arena;
  // Goes on with a suspended exchange. To be called from the loop's thread, never inside a hook; harmless once the
  // exchange is over.
  std::function<void()> resume;
  void** state;                 // this filter's, in this exchange: null at first
  const SocketAddress& client;  // after real_ip
  bool redirected = false;      // an error_page is being served
  // For kAnswer. A body that is not empty goes out as it is, and lives as long as the filter; else error_page or weir's
  // page.
  int status = 0;
  int retry_after = 0;  // seconds; 0: none
  std::string_view body = {}, type = {};
};

class Filter {
 public:
  virtual ~Filter() = default;
  // Once a request, before a peer is chosen or an answer made (again after a suspend).
  virtual Verdict on_request(Context&, http::RequestHead&) const { return Verdict::kContinue; }
  // Once a response of a peer that will go to the client (again after a suspend). kAnswer drops the peer's.
  virtual Verdict on_response(Context&, http::ResponseHead&) const { return Verdict::kContinue; }
  // Each piece of that response's body on its way out; `piece` may be replaced by other bytes of the arena, of the same
  // length unless on_response took the length away. `end`: no other follows. Pieces come as the peer flushed them.
  virtual void on_response_body(Context&, std::string_view& /*piece*/, bool /*end*/) const {}
};

}  // namespace weir::filter
