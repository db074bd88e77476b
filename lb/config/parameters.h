// What stands behind a directive's name as NAME=VALUE or as a bare word: `interval=2s mandatory`. Unknown and repeated
// names are reported here, values by the functions below.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/directive.h"

namespace weir::config {

class Parameters {
 public:
  // A name that ends with "=" takes a value, with "[=]" it may have one, else it is a bare word. `many`: names that may
  // be repeated.
  Parameters(const Call& call, size_t first, std::span<const std::string_view> known,
             std::initializer_list<std::string_view> many = {})
      : call_(call), index_(first), known_(known), many_(many) {}

  // To the next one that is known and has a value where it needs one; false at the end.
  bool next();
  std::string_view name() const { return name_; }
  std::string_view value() const { return value_; }
  bool has_value() const { return has_value_; }
  size_t index() const { return index_ - 1; }  // among the arguments
  bool seen(std::string_view name) const;

  // The value, or a report and nothing.
  std::optional<Millis> time(int64_t least_ms = 0) const;
  std::optional<uint32_t> number(int64_t least, int64_t most = INT32_MAX) const;
  std::optional<route::Template> compile() const;
  // on, off, or nothing written, which is on.
  std::optional<bool> flag() const;
  void invalid(std::string_view expected) const { call_.invalid(index(), expected); }
  void error(std::string text) const { call_.error_at(index(), std::move(text)); }

 private:
  bool take(const std::string& text);

  const Call& call_;
  size_t index_;
  std::span<const std::string_view> known_;
  std::vector<std::string_view> many_;
  std::vector<std::string_view> seen_;
  std::string_view name_, value_;
  bool has_value_ = false;
};

// `, did you mean "x"?`, or nothing when none of the names is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

// What may stand in a header field's value or in a cookie: printable ASCII without blanks and none of `except`.
bool is_visible_text(std::string_view text, std::string_view except = {});

}  // namespace weir::config
