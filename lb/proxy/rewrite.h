// What the rewrite phases run (nginx's ngx_http_rewrite_module): set, rewrite, break, return and if of one server{} or
// location{}, in the order of the file. Immutable; rewriting.cc runs it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/regex.h"
#include "route/template.h"

namespace weir::proxy {

// return CODE [TEXT] | return CODE URL | return URL.
struct ReturnAction {
  int status = 0;  // 444: close without an answer
  bool redirect = false;
  route::Template text;
  bool has_text = false;
};

struct Location;

// if (CONDITION).
struct Condition {
  enum class Kind : uint8_t {
    kTrue,   // the subject is neither empty nor "0"
    kEqual,  // it is `value`
    kMatch,  // `regex` matches it
    // The file of that name is there and is one.
    kRegularFile,
    kDirectory,
    kExists,
    kExecutable,
  };
  Kind kind = Kind::kTrue;
  bool negated = false;
  route::Template subject = {};
  route::Template value = {};
  std::shared_ptr<const Regex> regex = {};
};

struct RewriteStep {
  enum class Kind : uint8_t { kSet, kRewrite, kBreak, kReturn, kIf };
  // What a rewrite that matches does next. kNext: the steps behind it, then another location; kLast: another location
  // at once; kBreak: stays in this one, with the new path.
  enum class After : uint8_t { kNext, kLast, kBreak };
  static constexpr int kArgs = -1;       // as `slot`: $args
  static constexpr int kLimitRate = -2;  // $limit_rate

  Kind kind = Kind::kBreak;
  std::string written = {};  // as in the file
  // set: which variable gets `value`. rewrite: `value` is the new path, or where the client is sent.
  int slot = kArgs;
  route::Template value = {};
  // rewrite
  std::shared_ptr<const Regex> regex = {};
  After after = After::kNext;
  int redirect_status = 0;        // 0: the path changes within weir
  route::Template new_args = {};  // behind the "?" of the new path
  bool has_new_args = false;
  bool keeps_args = true;  // the client's are put behind them
  ReturnAction returns = {};
  // if
  Condition condition = {};
  std::vector<RewriteStep> inside = {};
  std::shared_ptr<const Location> settings = {};  // the location's from here on; null inside server{}
};

using RewriteSteps = std::vector<RewriteStep>;

}  // namespace weir::proxy
