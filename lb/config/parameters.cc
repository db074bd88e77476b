// NAME=VALUE arguments.
#include "config/parameters.h"

#include <algorithm>

#include "base/bytes.h"
#include "config/builder.h"
#include "config/values.h"

namespace weir::config {
namespace {

std::string_view bare(std::string_view known) {
  return known.substr(0, known.find_first_of("[="));
}

}  // namespace

bool Parameters::seen(std::string_view name) const {
  return std::find(seen_.begin(), seen_.end(), name) != seen_.end();
}

bool Parameters::take(const std::string& text) {
  const size_t equals = text.find('=');
  has_value_ = equals != std::string::npos;
  const std::string_view name = std::string_view(text).substr(0, equals);
  value_ = has_value_ ? std::string_view(text).substr(equals + 1) : std::string_view();
  const auto it = std::find_if(known_.begin(), known_.end(), [&](std::string_view each) { return bare(each) == name; });
  if (it == known_.end()) {
    std::vector<std::string_view> names;
    for (const std::string_view each : known_) names.push_back(bare(each));
    error("invalid parameter \"" + text + "\"" + did_you_mean(name, names));
    return false;
  }
  name_ = bare(*it);
  const bool may = it->size() != name_.size();
  const bool must = it->ends_with('=');
  if ((must && !has_value_) || (has_value_ && !may)) {
    error("invalid parameter \"" + text + "\", it is written " + std::string(name_) + (must ? "=VALUE" : ""));
    return false;
  }
  if (value_.starts_with('"') || value_.starts_with('\'')) {
    error("quotes stand around a whole parameter, as in \"" + std::string(name_) + "=...\"");
    return false;
  }
  if (seen(name_) && std::find(many_.begin(), many_.end(), name_) == many_.end()) {
    error("duplicate parameter \"" + std::string(name_) + "\"");
    return false;
  }
  seen_.push_back(name_);
  return true;
}

bool Parameters::next() {
  while (index_ < call_.count())
    if (take(call_.arg(index_++))) return true;
  return false;
}

std::optional<Millis> Parameters::time(int64_t least_ms) const {
  const auto value = parse_time(value_);
  if (!value) return invalid("a time like 60s, 500ms or 1h30m"), std::nullopt;
  if (value->count() < least_ms) return invalid("a time of at least " + format_time(Millis(least_ms))), std::nullopt;
  return value;
}

std::optional<uint32_t> Parameters::number(int64_t least, int64_t most) const {
  const auto value = parse_decimal(value_);
  if (value && *value >= least && *value <= most) return static_cast<uint32_t>(*value);
  invalid("a number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<route::Template> Parameters::compile() const {
  auto compiled = route::Template::compile(value_, call_.builder.names());
  if (compiled) return std::move(*compiled);
  error(std::move(compiled.error()));
  return std::nullopt;
}

std::optional<bool> Parameters::flag() const {
  if (!has_value_) return true;
  const auto on = parse_flag(value_);
  if (!on) invalid("on or off");
  return on;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  if (word.empty() || word.size() > 64) return "";
  const int most = std::clamp(static_cast<int>(word.size()) / 3, 1, 3);
  std::string_view best;
  int least = most + 1;
  for (const std::string_view name : names) {
    const int distance = edit_distance(word, name, most);
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best.empty() ? "" : ", did you mean \"" + std::string(best) + "\"?";
}

bool is_visible_text(std::string_view text, std::string_view except) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return c > 0x20 && c < 0x7f && except.find(c) == std::string_view::npos; });
}

}  // namespace weir::config
