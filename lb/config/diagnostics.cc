// Collecting and printing errors and warnings.
#include "config/diagnostics.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>

namespace weir::config {

std::string Diagnostic::to_string() const {
  return at.to_string() + (severity == Severity::kError ? ": error: " : ": warning: ") + text;
}

namespace {

// One line each, whatever a value holds.
std::string on_one_line(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

void Diagnostics::add(Severity severity, const Position& at, std::string text) {
  ++(severity == Severity::kError ? errors_ : warnings_);
  if (all_.size() < kMost) all_.push_back({severity, at, on_one_line(text)});
}

std::vector<Diagnostic> Diagnostics::in_order() const {
  std::vector<Diagnostic> sorted = all_;
  const auto key = [](const Diagnostic& d) {
    return std::tuple(d.at.file ? d.at.file->order : -1, d.at.line, d.at.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  return sorted;
}

std::string Diagnostics::to_text() const {
  std::string out;
  for (const Diagnostic& d : in_order()) out += d.to_string() + "\n";
  const size_t left = errors_ + warnings_ - all_.size();
  if (left != 0) out += "weir: error: and " + std::to_string(left) + " more\n";
  return out;
}

}  // namespace weir::config
