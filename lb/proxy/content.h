// What answers a request. A location has one handler, made when the snapshot is built; an answer that takes time runs
// as a Content, of which an exchange has one at a time.
#pragma once
#include <memory>
#include <string_view>

#include "base/chunk.h"
#include "base/error.h"

namespace weir::proxy {

class Exchange;
struct Location;

// A running answer. It calls the exchange (answer, begin_response, finish ...), which may end both: whoever called
// touches neither afterwards.
class Content {
 public:
  // A piece of the request's body, inside a feed; a view of what was read. resume() follows.
  virtual void on_request_body(std::string_view piece) = 0;
  // More of the request has come, its end included, or the client has taken bytes: what can go on goes on.
  virtual void resume() = 0;
  // Derived: whether more of the request's body is wanted now.
  virtual bool wants_request_body() = 0;
  // A filter lets the head go on that begin_response() was given. `held`: what hold() has kept meanwhile.
  virtual void resume_response(const Chain& held) = 0;
  // The client's side has ended it: lets go of what it was doing, answers nothing. end() follows.
  virtual void abort(ErrorKind kind) = 0;
  // Lets go of everything; nothing of this request comes any more. Once.
  virtual void end() = 0;

 protected:
  ~Content() = default;
};

// Immutable, shared by the exchanges of all workers.
class ContentHandler {
 public:
  virtual ~ContentHandler() = default;
  // Whether it wants the request's body: it is then held as far as client_body_buffer_size, and 100 is sent for it.
  virtual bool takes_body() const { return false; }
  // The request has passed the phases before. Answers at once, or has the exchange run a Content.
  virtual void begin(Exchange& exchange) const = 0;
};

// By what the location says: return, healthz, a page about weir, proxy_pass, a root, else 404.
std::shared_ptr<const ContentHandler> make_content(const Location& location);

}  // namespace weir::proxy
