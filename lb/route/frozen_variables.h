// The answers that templates will want later, taken now: for who outlives the request, the snapshot or both.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "route/template.h"
#include "route/variable.h"

namespace weir::route {

class FrozenVariables {
 public:
  // Whether a variable's answer is known only at the end: it is not taken, and whoever renders answers it then.
  using IsLate = bool (*)(Var id);

  // Takes what `text` asks `source` for, through its maps too. `scratch` is used during the call. The template must
  // outlive this object: its references are the keys.
  void add(const Template& text, const VariableSource& source, IsLate is_late, Arena& scratch);
  // No further add() follows: gives back what growing has left over.
  void shrink();
  // Null: it was not taken.
  struct Entry {
    const VariableRef* ref;
    uint32_t at;
    uint32_t length;  // kMissing: the request has no such value
  };
  static constexpr uint32_t kMissing = UINT32_MAX;
  const Entry* find(const VariableRef& ref) const;
  VariableValue value(const Entry& entry) const;

 private:
  std::vector<Entry> entries_;
  std::string text_;
};

}  // namespace weir::route
