// A request's variables, with $1..$9 and named groups taken from another match than its location's.
#pragma once
#include "base/bytes.h"
#include "base/regex.h"
#include "route/variable.h"

namespace weir::route {

// All three outlive it.
class CaptureSource final : public VariableSource {
 public:
  CaptureSource(const VariableSource& outer, const Regex& regex, const RegexMatch& match)
      : outer_(outer), regex_(regex), match_(match) {}
  VariableValue variable(const VariableRef& ref, Arena& arena) const override {
    if (ref.id == Var::kCapture) return group(ref.index);
    if (ref.id == Var::kNamedCapture || ref.id == Var::kSet) {
      for (const auto& [name, index] : regex_.names())
        if (iequals(name, ref.arg)) return group(index);
    }
    return outer_.variable(ref, arena);
  }

 private:
  VariableValue group(int index) const {
    if (index >= match_.count || index >= RegexMatch::kMost) return {};
    return {match_.group[index], true};
  }

  const VariableSource& outer_;
  const Regex& regex_;
  const RegexMatch& match_;
};

}  // namespace weir::route
