// What -T prints: the files as they are, and the configuration as weir understood it.
#pragma once
#include <string>

#include "config/directive.h"
#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

// "# configuration file NAME:" and the text, for each file that was read.
std::string dump_files(const Tree& tree);

// The settings of every block as nginx text: all of them with `with_defaults`, else those that differ from what the
// block inherits. Maps, log formats and trusted addresses are compiled by then and are not shown.
std::string dump_effective(const Model& model, bool with_defaults);

// Writes blocks, and lines that several rows share: what the rows' `show` get.
class Dump {
 public:
  explicit Dump(bool with_defaults) : with_defaults_(with_defaults) {}
  // A block: its settings that differ from `inherited` (null: from the defaults), then the blocks inside.
  void block(const std::string& head, const Scope& scope, const Level* inherited = nullptr);
  // One that is shown beside the settings, where the order of several names decides.
  void statement(const std::string& text) { line(text + ";"); }
  // The same as block() without its braces.
  void content(const Scope& scope, const Level* inherited = nullptr);
  void line(const std::string& text) { out_ += std::string(depth_ * 4, ' ') + text + "\n"; }
  std::string take() { return std::move(out_); }

 private:
  bool with_defaults_;
  size_t depth_ = 0;
  std::string out_;
};

}  // namespace weir::config
