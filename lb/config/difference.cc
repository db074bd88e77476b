// Both dumps are read again as trees, which are compared block by block.
#include "config/difference.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "config/dump.h"
#include "config/nginx_reader.h"
#include "config/values.h"
#include "config/words.h"

namespace weir::config {
namespace {

using Block = std::vector<Directive>;

constexpr size_t kPlacesNamed = 3;

std::string arguments(const Directive& directive, size_t from = 0) {
  std::string out;
  for (size_t i = from; i < directive.args.size(); ++i) out += (out.empty() ? "" : " ") + quote_word(directive.arg(i));
  return out;
}

std::string line_of(const Directive& directive) {
  const std::string args = arguments(directive);
  return args.empty() ? directive.name : directive.name + " " + args;
}

// What a block is called: a server by its first name and where it listens, all else by what stands in front of its
// brace.
std::string name_of(const Directive& block) {
  if (block.name != "server" || !block.args.empty()) return line_of(block);
  std::string name, listens;
  for (const Directive& inside : *block.block) {
    if (inside.name == "server_name" && name.empty() && !inside.args.empty()) name = inside.arg(0);
    if (inside.name == "listen" && !inside.args.empty()) listens += (listens.empty() ? "" : ", ") + inside.arg(0);
  }
  return "server " + (name.empty() ? "\"\"" : name) + " (" + listens + ")";
}

class Comparison {
 public:
  void blocks(const std::string& where, const Block& before, const Block& after) {
    settings(where, before, after);
    inside(where, before, after);
  }

  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& [text, places] : found_) out.push_back(line(text, places));
    return out;
  }

 private:
  using Directives = std::vector<const Directive*>;

  // One text, the places where it holds: what http{} says is seen in each of its locations.
  void note(char kind, const std::string& where, const std::string& what) {
    const std::string text = std::string(1, kind) + what;
    for (auto& [known, places] : found_) {
      if (known != text) continue;
      places.push_back(where);
      return;
    }
    found_.emplace_back(text, std::vector<std::string>{where});
  }

  static std::string line(const std::string& text, const std::vector<std::string>& places) {
    const std::string kind = text.substr(0, 1) + " ", what = text.substr(1);
    if (places.size() == 1) return kind + (places[0].empty() ? "" : places[0] + ": ") + what;
    std::string out = kind + what + ": ";
    for (size_t i = 0; i < std::min(places.size(), kPlacesNamed); ++i) out += (i == 0 ? "" : "; ") + places[i];
    if (places.size() > kPlacesNamed) out += " and " + std::to_string(places.size() - kPlacesNamed) + " more";
    return out;
  }

  static std::map<std::string, Directives> by_name(const Block& block) {
    std::map<std::string, Directives> names;
    for (const Directive& each : block)
      if (!each.block) names[each.name].push_back(&each);
    return names;
  }

  void settings(const std::string& where, const Block& before, const Block& after) {
    auto old_names = by_name(before), new_names = by_name(after);
    for (auto& [name, directives] : new_names) named(where, std::move(old_names[name]), std::move(directives));
    for (auto& [name, directives] : old_names)
      if (new_names.count(name) == 0) named(where, std::move(directives), {});
  }

  // All directives of one name in one block.
  void named(const std::string& where, Directives before, Directives after) {
    const Directives all_before = before, all_after = after;
    // What stayed.
    std::erase_if(before, [&](const Directive* old) {
      const auto same = std::find_if(after.begin(), after.end(),
                                     [&](const Directive* now) { return line_of(*now) == line_of(*old); });
      if (same == after.end()) return false;
      after.erase(same);
      return true;
    });
    if (before.empty() && after.empty()) return order(where, all_before, all_after);
    // The only one of its name, or the one about the same thing.
    std::erase_if(before, [&](const Directive* old) {
      const bool only = all_before.size() == 1 && all_after.size() == 1;
      const auto other = std::find_if(after.begin(), after.end(), [&](const Directive* now) {
        return only || (!now->args.empty() && !old->args.empty() && now->arg(0) == old->arg(0));
      });
      if (other == after.end()) return false;
      const bool same_thing = !old->args.empty() && !(*other)->args.empty() && old->arg(0) == (*other)->arg(0);
      const std::string was = arguments(*old, same_thing ? 1 : 0);
      note('~', where, line_of(**other) + " (was " + (was.empty() ? "without" : was) + ")");
      after.erase(other);
      return true;
    });
    for (const Directive* old : before) note('-', where, line_of(*old));
    for (const Directive* now : after) note('+', where, line_of(*now));
  }

  void order(const std::string& where, const Directives& before, const Directives& after) {
    const auto same = [](const Directive* a, const Directive* b) { return line_of(*a) == line_of(*b); };
    if (!std::equal(before.begin(), before.end(), after.begin(), after.end(), same))
      note('~', where, before.front()->name + ": in another order");
  }

  // A block is found again by its name; of several of one name, by its turn.
  static std::map<std::pair<std::string, int>, const Directive*> by_block_name(const Block& block) {
    std::map<std::pair<std::string, int>, const Directive*> out;
    std::map<std::string, int> turns;
    for (const Directive& each : block) {
      if (!each.block) continue;
      const std::string name = name_of(each);
      out.emplace(std::pair(name, turns[name]++), &each);
    }
    return out;
  }

  void inside(const std::string& where, const Block& before, const Block& after) {
    const auto old_blocks = by_block_name(before), new_blocks = by_block_name(after);
    const auto place = [&](const std::string& name) {
      if (name == "http") return where;  // everything is in it
      return where.empty() ? name : where + ", " + name;
    };
    for (const auto& [key, block] : new_blocks) {
      const auto old = old_blocks.find(key);
      if (old == old_blocks.end())
        note('+', where, key.first);
      else
        blocks(place(key.first), *old->second->block, *block->block);
    }
    for (const auto& [key, block] : old_blocks)
      if (new_blocks.count(key) == 0) note('-', where, key.first);
  }

  std::vector<std::pair<std::string, std::vector<std::string>>> found_;
};

Block tree_of(const std::string& text) {
  auto file = std::make_shared<SourceFile>();
  file->text = text;
  Diagnostics ignored;
  return read_nginx(file, ignored);
}

}  // namespace

std::vector<std::string> differences(const std::string& before, const std::string& after) {
  if (before == after) return {};
  Comparison comparison;
  comparison.blocks("", tree_of(before), tree_of(after));
  return comparison.lines();
}

std::vector<std::string> differences(const Model& before, const Model& after) {
  return differences(dump_effective(before, true), dump_effective(after, true));
}

}  // namespace weir::config
