// The seam for what a route adds to an exchange: a filter sees heads and bodies, may change them, answer itself, or
// hold the exchange until it lets it go on. A filter is immutable and shared by all exchanges of its location; what it
// remembers of one is its State in that exchange.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/sockaddr.h"
#include "http/head.h"
#include "observe/record.h"
#include "route/variable.h"

namespace weir::filter {

// The order in which filters see requests and responses, whoever puts them there (add_filter): one row each.
enum class Order : uint8_t {
  kMaintenance,  // before all that costs something
  kAccess,       // who may ask
  kContent,      // what looks into bodies
  kGunzip,       // before all that read them
  kSubstitute,
  kCompress,  // behind all that would read them
};

// Only the exchange acts; a filter says what it wants (PITFALLS section 1).
enum class Verdict : uint8_t {
  kContinue,
  kAnswer,   // of a head: Context::status is the response; error_page applies
  kSuspend,  // nothing moves on until Context::resume() is called; then the same hook is called again
  kMore,  // of a body: some of the piece is still to come out. The same piece comes again, in another turn of the loop,
          // when the client has room
  kFail,  // of a body: the request is answered 500, a response that has begun breaks off
};

// What a filter remembers of one exchange. Destroyed once, when the exchange ends or goes to another location.
class State {
 public:
  virtual ~State() = default;
};

// The way on of a suspended exchange. To be called from the loop's thread, never inside a hook; harmless once that
// exchange is over, whatever has become of it.
class Resume {
 public:
  class Target {
   public:
    virtual void resume(uint64_t life) = 0;

   protected:
    ~Target() = default;
  };
  Resume() = default;
  Resume(std::weak_ptr<Target*> target, uint64_t life) : target_(std::move(target)), life_(life) {}
  void operator()() const {
    if (const auto target = target_.lock()) (*target)->resume(life_);
  }

 private:
  std::weak_ptr<Target*> target_;
  uint64_t life_ = 0;
};

class EncoderPool;

struct Context {
  const route::VariableSource& variables;
  Arena& arena;
  ChunkPool& chunks;
  Resume resume;
  State*& slot;                 // this filter's, in this exchange: null at first
  const SocketAddress& client;  // after real_ip
  bool redirected = false;      // an error_page is being served
  // For kAnswer. A body that is not empty goes out as it is, and lives as long as the filter; else error_page or weir's
  // page.
  int status = 0;
  int retry_after = 0;  // seconds; 0: none
  std::string_view body = {}, type = {};

  // Of the exchange. The pointers are null in tests of filters that need none.
  const http::RequestHead* request = nullptr;
  observe::ExchangeRecord* record = nullptr;
  EncoderPool* encoders = nullptr;  // the loop's
  int64_t wall_us = 0;              // now
  int page_status = 0;              // that the client gets with an error_page instead of the head's; 0: the head's
  bool nested = false;              // a subrequest: weir reads the answer itself

  // The filter's own; made of `args` when first asked for.
  template <class T, class... Args>
  T& state(Args&&... args) {
    if (slot == nullptr) slot = new (arena.allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
    return static_cast<T&>(*slot);
  }
  // What it remembers, away: a second answer takes the first one's place.
  void forget() {
    if (slot != nullptr) std::exchange(slot, nullptr)->~State();
  }
};

// Some of a body. Valid during the call.
struct Piece {
  std::string_view bytes;  // may be empty at the end
  bool flush = false;      // nothing more is here now: what is held back for speed should go out
  bool end = false;        // nothing more comes
};

// Takes what goes on to the next filter, or out: copied into chunks that go back when it has gone.
class Sink {
 public:
  explicit Sink(Chain& to) : to_(to) {}
  void write(std::string_view bytes) { to_.append(bytes); }

 private:
  Chain& to_;
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Order order() const { return Order::kContent; }
  // Once a request, before a peer is chosen or an answer made (again after a suspend).
  virtual Verdict on_request(Context&, http::RequestHead&) const { return Verdict::kContinue; }
  // Once a response that will go to the client, a peer's or weir's own (again after a suspend). kAnswer drops it; what
  // is answered instead does not come here again.
  virtual Verdict on_response(Context&, http::ResponseHead&) const { return Verdict::kContinue; }

  // Whether the hooks below are to be called; asked after the head's hook, with what the filter remembers of the
  // exchange (null: nothing).
  virtual bool takes_request_body(const State*) const { return false; }
  virtual bool takes_response_body(const State*) const { return false; }
  // Each piece of the body in order, and exactly once one with `end`, also of an empty body. What is written into the
  // sink is the body from here on. After kSuspend, with which nothing may have been written, the same piece comes again
  // (or a longer one). Whoever changes the length has called drop_length() in the head's hook.
  virtual Verdict on_request_body(Context&, const Piece& piece, Sink& sink) const {
    sink.write(piece.bytes);
    return Verdict::kContinue;
  }
  virtual Verdict on_response_body(Context&, const Piece& piece, Sink& sink) const {
    sink.write(piece.bytes);
    return Verdict::kContinue;
  }
};

// The body's length is not known any more.
template <class Head>
void drop_length(Head& head) {
  if (head.framing != http::Framing::kLength) return;
  head.framing = http::Framing::kChunked;
  head.content_length = -1;
}

}  // namespace weir::filter
