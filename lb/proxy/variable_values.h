// What a variable answers.
#pragma once
#include <string_view>

#include "route/variable.h"

namespace weir::proxy {

inline route::VariableValue found(std::string_view text) {
  return {text, true};
}
inline route::VariableValue non_empty(std::string_view text) {
  return {text, !text.empty()};
}

}  // namespace weir::proxy
