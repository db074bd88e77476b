// The seam for what a route adds to an exchange: a filter sees heads and bodies, may change them, answer itself, or
// hold the exchange until it resumes it. A filter is immutable and shared by all exchanges of its location; what it
// remembers of one lives in the exchange's arena.
#pragma once
#include <cstddef>
#include <functional>
#include <string_view>

#include "base/arena.h"
#include "http/head.h"
#include "route/variable.h"

namespace weir::filter {

// Only the exchange acts; a filter says what it wants (PITFALLS section 1: filters return a verdict).
enum class Verdict : uint8_t {
  kContinue,
  kAnswer,   // `answer_status` of the context is the response
  kSuspend,  // nothing moves until `resume` is called; then the same hook is called again
};

struct Context {
  const route::VariableSource& variables;
  Arena& arena;
  int answer_status = 0;
  void* state = nullptr;  // of this filter in this exchange: made in the arena by the first hook
  std::function<void()> resume;
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Verdict on_request(Context&, http::RequestHead&) const { return Verdict::kContinue; }
  virtual Verdict on_response(Context&, http::ResponseHead&) const { return Verdict::kContinue; }
  // Replaces `piece` by what goes on; `end` comes once, with the last piece or an empty one. `flush`: the sender wants
  // it out now.
  virtual Verdict on_response_body(Context&, std::string_view& piece, bool flush, bool end) const {
    (void)piece, (void)flush, (void)end;
    return Verdict::kContinue;
  }
};

}  // namespace weir::filter
