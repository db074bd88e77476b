// Lists of Content-Types: gzip_types and its like. Repeated in a block they add up; text/html is always among them.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/builder.h"
#include "config/fields.h"
#include "filter/content_types.h"

namespace weir::config {

template <auto... Path>
void apply_types(Call& call) {
  std::shared_ptr<const filter::ContentTypes>& held = field<Path...>(call.scope);
  filter::ContentTypes types;
  if (!call.first && held != nullptr) types = *held;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& type = call.arg(i);
    const auto is_same = [&](const std::string& name) { return iequals(name, type); };
    if (type == "*") {
      types.all = true;
    } else if (std::any_of(types.names.begin(), types.names.end(), is_same)) {
      call.builder.diagnostics().warning(call.directive.args[i].at, "duplicate MIME type \"" + type + "\"");
    } else {
      types.names.push_back(type);
    }
  }
  held = std::make_shared<const filter::ContentTypes>(std::move(types));
}
template <auto... Path>
std::vector<std::string> show_types(const Scope& scope) {
  const std::shared_ptr<const filter::ContentTypes>& types = field<Path...>(scope);
  if (types == nullptr) return {};
  if (types->all) return {"*"};
  std::string out;
  for (size_t i = 1; i < types->names.size(); ++i) out += (i == 1 ? "" : " ") + quote_word(types->names[i]);
  return {out.empty() ? "text/html" : out};
}
template <auto... Path>
inline constexpr Kind kTypes{"TYPE ... | *", 1, -1, apply_types<Path...>, show_types<Path...>};

}  // namespace weir::config
