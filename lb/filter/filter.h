// The seam for what a route adds to an exchange: a filter sees heads and bodies, may change them, answer itself, or
// hold the exchange until it lets it go on. A filter is immutable and shared by all exchanges of its location; what it
// remembers of one is its State in that exchange.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/chunk.h"
#include "base/sockaddr.h"
#include "base/timer_wheel.h"
#include "http/head.h"
#include "observe/record.h"
#include "route/variable.h"

namespace weir::filter {

// The order in which filters see requests and responses, whoever puts them there (add_filter): one row each.
enum class Order : uint8_t {
  kMaintenance,      // before all that costs something
  kRequestLimit,     // how often
  kConnectionLimit,  // how many at once
  kAccess,           // who may ask
  kContent,          // what looks into bodies
  kGunzip,           // before all that read them
  kSubstitute,
  kCompress,  // behind all that would read them
};
// What the rewrite phase answers is answered before these are asked, as in nginx.
constexpr bool is_behind_rewrites(Order order) {
  return order >= Order::kRequestLimit && order <= Order::kAccess;
}

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

// A field that an answer of weir's own has beside the usual ones. In the exchange's arena.
struct AnswerField {
  std::string_view name, value;
  const AnswerField* next = nullptr;
};

// What limits have said of a request. Once that is something, no other location that it comes to counts it again.
enum class Limited : uint8_t { kNot, kPassed, kDelayed, kRejected, kDelayedDryRun, kRejectedDryRun };
struct LimitsSeen {
  Limited requests = Limited::kNot;
  Limited connections = Limited::kNot;
};

// A request of weir's own about the one that a filter looks at. Destroying it cancels it.
class Inquiry {
 public:
  virtual ~Inquiry() = default;
  virtual int status() const = 0;  // 0: there was no answer
  virtual const http::FieldList& fields() const = 0;
};
class InquiryOwner {
 public:
  // It ends, and these are its variables ($upstream_* among them). At most once, nothing may be called in it.
  virtual void on_inquiry_end(const route::VariableSource& variables) = 0;
  // It is over. Once, last, from the loop: it may be destroyed in it, and the exchange resumed.
  virtual void on_inquiry_over() = 0;

 protected:
  ~InquiryOwner() = default;
};

// What an exchange does for its filters.
class Services {
 public:
  virtual MonoMs now() const = 0;
  virtual void arm(Deadline& deadline, MonoMs due) = 0;
  // `work` on a thread beside the loop, then `done` on the loop's, unless the worker ends before. False, and neither is
  // called: too much waits for that thread already.
  virtual bool run_aside(std::function<void()> work, std::function<void()> done) = 0;
  // A GET of that target, with the fields of this request; null: it is nested too deeply. The owner outlives it.
  virtual std::unique_ptr<Inquiry> inquire(std::string_view target, InquiryOwner& owner) = 0;
  // Gives the variable of that slot a value, as `set` does. `text` is in the exchange's arena.
  virtual void set_variable(int slot, std::string_view text) = 0;
  virtual LimitsSeen& limits() = 0;
  // Destroyed when the client has had its answer, or the tunnel that the request became is over.
  virtual void hold(std::unique_ptr<State> state) = 0;

 protected:
  ~Services() = default;
};

struct Context {
  const route::VariableSource& variables;
  Arena& arena;
  ChunkPool& chunks;
  Resume resume;
  State*& slot;                  // this filter's, in this exchange: null at first
  const SocketAddress& client;   // after real_ip
  bool maintained = false;       // maintenance has answered, and its error_page is being served
  Services* services = nullptr;  // never null but in tests of filters that need none
  // For kAnswer. A body that is not empty goes out as it is, and lives as long as the filter; else error_page or weir's
  // page.
  int status = 0;
  int retry_after = 0;  // seconds; 0: none
  std::string_view body = {}, type = {};
  // For kAnswer too: the client's final answer has them, be it the page that error_page names.
  const AnswerField* fields = nullptr;

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

  // Whether it would change the bytes of an answer with that head (status, type, ETag, length): a range of a file has
  // no meaning then.
  virtual bool changes_body(Context&, const http::ResponseHead&) const { return false; }

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
