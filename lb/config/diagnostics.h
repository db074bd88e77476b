// Everything that is wrong with a configuration, collected in one run: "FILE:LINE:COL: error: TEXT".
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "config/tree.h"

namespace weir::config {

enum class Severity : uint8_t { kError, kWarning };

struct Diagnostic {
  Severity severity;
  Position at;
  std::string text;
  std::string to_string() const;
};

class Diagnostics {
 public:
  // Beyond this many the rest is only counted: a file that is no configuration at all must not fill a terminal.
  static constexpr size_t kMost = 500;

  void error(const Position& at, std::string text) { add(Severity::kError, at, std::move(text)); }
  void warning(const Position& at, std::string text) { add(Severity::kWarning, at, std::move(text)); }

  bool failed() const { return errors_ != 0; }
  size_t errors() const { return errors_; }
  size_t warnings() const { return warnings_; }
  // In the order of files and lines, whatever order they were found in.
  std::vector<Diagnostic> in_order() const;
  // One line each, as in_order().
  std::string to_text() const;

 private:
  void add(Severity severity, const Position& at, std::string text);
  std::vector<Diagnostic> all_;
  size_t errors_ = 0;
  size_t warnings_ = 0;
};

}  // namespace weir::config
