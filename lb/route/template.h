// Text with variables, compiled once: "$scheme://${host}$request_uri".
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "route/variable.h"

namespace weir::route {

class Template {
 public:
  Template() = default;  // empty text
  static Template literal(std::string text);
  // Error: `unknown "foo" variable`, `invalid variable name`, `the closing bracket in "x" variable is missing`.
  static Result<Template> compile(std::string_view text, const VariableNames& names);

  bool is_literal() const { return parts_.empty(); }
  bool empty() const { return parts_.empty() && literal_.empty(); }
  // The text of a literal; for logs and dumps otherwise as written.
  const std::string& text() const { return literal_; }
  // A literal costs nothing (a view of the template, which outlives the exchange); else rendered into the arena.
  // Missing variables are "".
  std::string_view render(const VariableSource& source, Arena& arena) const;

  struct Part {
    std::string literal;  // used when !is_variable
    VariableRef variable;
    bool is_variable = false;
  };
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::string literal_;  // as written
  std::vector<Part> parts_;
};

}  // namespace weir::route
