#include "route/frozen_variables.h"

#include <algorithm>

#include "route/map.h"

namespace weir::route {
namespace {

using Maps = std::vector<const Map*>;

// Maps may refer to each other in a circle: each is looked at once.
bool enter(Maps& seen, const Map& map) {
  if (std::find(seen.begin(), seen.end(), &map) != seen.end()) return false;
  seen.push_back(&map);
  return true;
}

bool has_late(const Template& text, FrozenVariables::IsLate is_late, Maps& seen) {
  return std::any_of(text.parts().begin(), text.parts().end(), [&](const Template::Part& part) {
    if (!part.is_variable) return false;
    if (part.variable.id != Var::kMap) return is_late(part.variable.id);
    if (!enter(seen, *part.variable.map)) return false;
    bool late = false;
    part.variable.map->for_each_template([&](const Template& inner) { late = late || has_late(inner, is_late, seen); });
    return late;
  });
}

bool is_same(const VariableRef& a, const VariableRef& b) {
  return a.id == b.id && a.token == b.token && a.index == b.index && a.map == b.map && a.arg == b.arg;
}

void collect(const Template& text, FrozenVariables::IsLate is_late, Maps& seen, std::vector<const VariableRef*>& out) {
  for (const Template::Part& part : text.parts()) {
    if (!part.is_variable || is_late(part.variable.id)) continue;
    if (part.variable.id == Var::kMap) {
      // A map that asks for something late is looked up at the end, with what it asks for besides.
      Maps inside{part.variable.map.get()};
      bool late = false;
      const Map& map = *part.variable.map;
      map.for_each_template([&](const Template& inner) { late = late || has_late(inner, is_late, inside); });
      if (late) {
        if (enter(seen, map)) map.for_each_template([&](const Template& inner) { collect(inner, is_late, seen, out); });
        continue;
      }
    }
    out.push_back(&part.variable);
  }
}

}  // namespace

void FrozenVariables::add(const Template& text, const VariableSource& source, IsLate is_late, Arena& scratch) {
  Maps seen;
  std::vector<const VariableRef*> refs;
  collect(text, is_late, seen, refs);
  entries_.reserve(entries_.size() + refs.size());
  for (const VariableRef* ref : refs) {
    if (find(*ref) != nullptr) continue;
    const VariableValue value = source.variable(*ref, scratch);
    entries_.push_back(
        {ref, static_cast<uint32_t>(text_.size()), value.found ? static_cast<uint32_t>(value.text.size()) : kMissing});
    text_ += value.text;
  }
}

void FrozenVariables::shrink() {
  entries_.shrink_to_fit();
  text_.shrink_to_fit();
}

const FrozenVariables::Entry* FrozenVariables::find(const VariableRef& ref) const {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return is_same(*e.ref, ref); });
  return at == entries_.end() ? nullptr : &*at;
}

VariableValue FrozenVariables::value(const Entry& entry) const {
  if (entry.length == kMissing) return {};
  return {std::string_view(text_).substr(entry.at, entry.length), true};
}

}  // namespace weir::route
