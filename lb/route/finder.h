// How a variable's value is found where it is not by the rows of a map{}: geo{} and split_clients{}.
#pragma once
#include <string_view>

#include "route/template.h"

namespace weir::route {

class Finder {
 public:
  virtual ~Finder() = default;
  // `text`: the source, rendered. What is answered lives as long as this.
  virtual std::string_view find(std::string_view text, const VariableSource& source, Arena& arena) const = 0;
  // What it asks the source for beside; null: nothing.
  virtual const Template* beside() const { return nullptr; }
};

}  // namespace weir::route
