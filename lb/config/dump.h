// What -T prints: the files as they are, and the configuration as weir understood it.
#pragma once
#include <string>
#include <unordered_set>
#include <vector>

#include "config/directive.h"
#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

// "# configuration file NAME:" and the text, for each file that was read.
std::string dump_files(const Tree& tree);

// The settings of every block as nginx text: all of them with `with_defaults`, else those that differ from what the
// block inherits. Maps, log formats and trusted addresses are compiled by then and are not shown.
std::string dump_effective(const Model& model, bool with_defaults);

// A dump block by block, for those who compare: text that a thousand blocks have in common is kept once.
struct Outline {
  std::string head;  // "location /api"; empty: the whole
  std::vector<const std::string*>
      lines;  // "proxy_read_timeout 1m;", equal ones are one string: they compare by address
  std::vector<Outline> blocks;
  size_t at = 0;  // how many lines of the block around it stand in front of it
};
using LineStore = std::unordered_set<std::string>;

// dump_effective() with defaults. The lines live in `store`.
Outline outline_effective(const Model& model, LineStore& store);

// Writes blocks, and lines that several rows share: what the rows' `show` get.
class Dump {
 public:
  explicit Dump(bool with_defaults) : with_defaults_(with_defaults) {}
  // Into `outline`, with all defaults.
  Dump(Outline& outline, LineStore& store) : with_defaults_(true), outline_(&outline), store_(&store) {}
  // A block: its settings that differ from `inherited` (null: from the defaults), then the blocks inside.
  void block(const std::string& head, const Scope& scope, const Level* inherited = nullptr);
  // One that is shown beside the settings, where the order of several names decides.
  void statement(const std::string& text) { line(text + ";"); }
  // The same as block() without its braces.
  void content(const Scope& scope, const Level* inherited = nullptr);
  void line(const std::string& text);
  std::string take() { return std::move(out_); }

 private:
  bool with_defaults_;
  size_t depth_ = 0;
  std::string out_;
  Outline* outline_ = nullptr;  // of the block that is being written; null: it goes into out_
  LineStore* store_ = nullptr;
};

}  // namespace weir::config
