// The lines of `weir explain`: a label in the first column where another subject begins.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace weir::runtime {

class ExplainText {
 public:
  static constexpr size_t kMostOthers = 20;  // servers, locations or peers that are named with why they were not chosen

  void line(std::string_view label, const std::string& text) {
    out_ += std::string(label) + std::string(kLabel - label.size(), ' ') + text + "\n";
  }
  void more(const std::string& text) { line("", text); }
  // Behind `named` others, of which kMostOthers have their lines.
  void rest(size_t named) {
    if (named > kMostOthers) more("and not " + std::to_string(named - kMostOthers) + " more");
  }
  std::string take() { return std::move(out_); }

 private:
  static constexpr size_t kLabel = 11;  // the first column's width
  std::string out_;
};

}  // namespace weir::runtime
