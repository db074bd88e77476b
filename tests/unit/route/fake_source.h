// A VariableSource with a table of texts, for tests.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "route/map.h"
#include "route/variable.h"

namespace weir::route {

class FakeSource final : public VariableSource {
 public:
  // (kHttp, "x-foo", ...) answers $http_x_foo.
  FakeSource& set(Var id, std::string value) { return set(id, "", std::move(value)); }
  FakeSource& set(Var id, std::string arg, std::string value) {
    values_[{id, std::move(arg)}] = std::move(value);
    return *this;
  }
  FakeSource& capture(int index, std::string value) {
    return set(Var::kCapture, std::to_string(index), std::move(value));
  }

  VariableValue variable(const VariableRef& ref, Arena& arena) const override {
    if (ref.id == Var::kMap) return {ref.map->lookup(*this, arena), true};
    const auto it = values_.find({ref.id, ref.id == Var::kCapture ? std::to_string(ref.index) : ref.arg});
    if (it == values_.end()) return {};
    return {it->second, true};
  }

 private:
  std::map<std::pair<Var, std::string>, std::string> values_;
};

}  // namespace weir::route
