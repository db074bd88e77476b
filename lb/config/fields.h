// The usual kinds of directive, made from a path of members: kTime<&Level::location, &proxy::Location::read_timeout>.
#pragma once
#include <algorithm>
#include <type_traits>

#include "base/bytes.h"
#include "config/directive.h"
#include "config/values.h"
#include "config/words.h"

namespace weir::config {

template <class Root>
Root& root_of(const Scope& scope) {
  if constexpr (std::is_same_v<Root, MainConfig>) return *scope.main;
  if constexpr (std::is_same_v<Root, Level>) return *scope.level;
  if constexpr (std::is_same_v<Root, ServerModel>) return *scope.server;
  if constexpr (std::is_same_v<Root, UpstreamModel>) return *scope.upstream;
}

template <class Class, class Member>
Class class_of(Member Class::*);

template <auto First, auto... Rest>
auto& field(const Scope& scope) {
  return ((root_of<decltype(class_of(First))>(scope).*First).*....*Rest);
}

// Range check of a number; reports.
bool in_range(const Call& call, int64_t value, std::string (*print)(int64_t));
std::string print_number(int64_t value);
std::string print_time(int64_t value);

template <auto... Path>
void apply_time(Call& call) {
  const auto value = parse_time(call.arg(0));
  if (!value) return call.invalid(0, "a time like 60s, 500ms or 1h30m");
  if (in_range(call, value->count(), print_time)) field<Path...>(call.scope) = *value;
}
template <auto... Path>
std::vector<std::string> show_time(const Scope& scope) {
  return {format_time(field<Path...>(scope))};
}
template <auto... Path>
inline constexpr Kind kTime{"TIME", 1, 1, apply_time<Path...>, show_time<Path...>};

template <auto... Path>
void apply_size(Call& call) {
  const auto value = parse_size(call.arg(0));
  if (!value) return call.invalid(0, "a size like 512, 8k or 1m");
  using Value = std::remove_reference_t<decltype(field<Path...>(call.scope))>;
  if (in_range(call, *value, format_size)) field<Path...>(call.scope) = static_cast<Value>(*value);
}
template <auto... Path>
std::vector<std::string> show_size(const Scope& scope) {
  return {format_size(static_cast<int64_t>(field<Path...>(scope)))};
}
template <auto... Path>
inline constexpr Kind kSize{"SIZE", 1, 1, apply_size<Path...>, show_size<Path...>};

template <auto... Path>
void apply_number(Call& call) {
  using Value = std::remove_reference_t<decltype(field<Path...>(call.scope))>;
  const auto value = parse_decimal(call.arg(0));
  if (!value) return call.invalid(0, "a number");
  if (sizeof(Value) < 8 && *value > INT32_MAX) return call.invalid(0, "a number below 2147483648");
  if (in_range(call, *value, print_number)) field<Path...>(call.scope) = static_cast<Value>(*value);
}
template <auto... Path>
std::vector<std::string> show_number(const Scope& scope) {
  return {std::to_string(field<Path...>(scope))};
}
template <auto... Path>
inline constexpr Kind kNumber{"NUMBER", 1, 1, apply_number<Path...>, show_number<Path...>};

template <auto... Path>
void apply_flag(Call& call) {
  const auto value = parse_flag(call.arg(0));
  if (!value) return call.invalid(0, "\"on\" or \"off\"");
  field<Path...>(call.scope) = *value;
}
template <auto... Path>
std::vector<std::string> show_flag(const Scope& scope) {
  return {format_flag(field<Path...>(scope))};
}
template <auto... Path>
inline constexpr Kind kFlag{"on | off", 1, 1, apply_flag<Path...>, show_flag<Path...>};

template <auto... Path>
void apply_text(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "some text");
  field<Path...>(call.scope) = call.arg(0);
}
template <auto... Path>
std::vector<std::string> show_text(const Scope& scope) {
  return {quote_word(field<Path...>(scope))};
}
template <auto... Path>
inline constexpr Kind kText{"TEXT", 1, 1, apply_text<Path...>, show_text<Path...>};

}  // namespace weir::config
