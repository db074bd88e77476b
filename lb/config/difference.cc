// Two outlines, compared block by block. Everything is looked up, nothing searched for: a configuration may have ten
// thousand locations, and a list in it as many lines.
#include "config/difference.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "config/dump.h"
#include "config/nginx_reader.h"
#include "config/order.h"
#include "config/words.h"

namespace weir::config {
namespace {

constexpr size_t kPlacesNamed = 3;

std::vector<Directive> tree_of(const std::string& text) {
  auto file = std::make_shared<SourceFile>();
  file->text = text;
  Diagnostics ignored;
  return read_nginx(file, ignored);
}

std::string arguments(const Directive& directive, size_t from = 0) {
  std::string out;
  for (size_t i = from; i < directive.args.size(); ++i) out += (out.empty() ? "" : " ") + quote_word(directive.arg(i));
  return out;
}

std::string line_of(const Directive& directive) {
  const std::string args = arguments(directive);
  return args.empty() ? directive.name : directive.name + " " + args;
}

Outline outline_of(std::string head, const std::vector<Directive>& block, LineStore& store) {
  Outline out;
  out.head = std::move(head);
  for (const Directive& each : block) {
    if (each.block) {
      out.blocks.push_back(outline_of(line_of(each), *each.block, store));
      out.blocks.back().at = out.lines.size();
    } else {
      out.lines.push_back(&*store.insert(line_of(each) + ";").first);
    }
  }
  return out;
}

using Lines = std::vector<const std::string*>;

std::string_view name_of(const std::string& line) {
  return std::string_view(line).substr(0, line.find_first_of(" ;"));
}

// What a server is called, by its first name and where it listens, and what decides beside others of its address.
struct ServerFacts {
  struct Listen {
    std::string address;
    bool is_default = false;
  };
  std::string called;
  std::vector<Listen> listens;
  bool has_pattern = false;  // among its names
};

ServerFacts facts_of(const Outline& server) {
  ServerFacts out;
  std::string name, listens;
  for (const std::string* line : server.lines) {
    const bool is_name = name_of(*line) == "server_name";
    if (!is_name && name_of(*line) != "listen") continue;
    const std::vector<Directive> read = tree_of(*line);
    if (read.empty() || read.front().args.empty()) continue;
    const Directive& directive = read.front();
    const auto any = [&directive](const auto& is) {
      return std::any_of(directive.args.begin(), directive.args.end(),
                         [&is](const Argument& arg) { return is(arg.text); });
    };
    if (is_name) {
      if (name.empty()) name = directive.arg(0);
      out.has_pattern = out.has_pattern || any([](const std::string& arg) { return arg.starts_with('~'); });
      continue;
    }
    listens += (listens.empty() ? "" : ", ") + directive.arg(0);
    out.listens.push_back({directive.arg(0), any([](const std::string& arg) { return arg == "default_server"; })});
  }
  out.called = "server " + (name.empty() ? "\"\"" : name) + " (" + listens + ")";
  return out;
}

// The servers of one address.
struct Address {
  size_t servers = 0;
  std::string fallback;  // the server of those that have another name
  bool fallback_is_written = false;
  std::vector<std::string> by_pattern;  // asked in this order
};

// The blocks of a block: each is found again by what it is called, and of several of one name by its turn.
struct Inside {
  std::map<std::pair<std::string, int>, const Outline*> blocks;
  std::map<std::string, Address> addresses;
};

Inside inside_of(const Outline& block) {
  Inside out;
  std::map<std::string, int> turns;
  for (const Outline& each : block.blocks) {
    if (each.head != "server") {
      out.blocks.emplace(std::pair(each.head, turns[each.head]++), &each);
      continue;
    }
    const ServerFacts server = facts_of(each);
    out.blocks.emplace(std::pair(server.called, turns[server.called]++), &each);
    for (const ServerFacts::Listen& listen : server.listens) {
      Address& address = out.addresses[listen.address];
      if (address.servers++ == 0 || (listen.is_default && !address.fallback_is_written)) {
        address.fallback = server.called;
        address.fallback_is_written = listen.is_default;
      }
      if (server.has_pattern) address.by_pattern.push_back(server.called);
    }
  }
  return out;
}

class Comparison {
 public:
  void blocks(const std::string& where, const Outline& before, const Outline& after) {
    if (before.lines != after.lines) settings(where, before.lines, after.lines);
    if (!stand_alike(before, after)) {
      order(where, steps_of(before), steps_of(after));
      order(where, patterns_of(before), patterns_of(after));
    }
    inside(where, before, after);
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& [text, places] : found_) out.push_back(line(text, places));
    return out;
  }

 private:
  // One text, the places where it holds: what http{} says is seen in each of its locations.
  void note(char kind, const std::string& where, const std::string& what) {
    const std::string text = std::string(1, kind) + what;
    const auto [known, fresh] = index_.emplace(text, found_.size());
    if (fresh) found_.emplace_back(text, std::vector<std::string>());
    found_[known->second].second.push_back(where);
  }

  static std::string line(const std::string& text, const std::vector<std::string>& places) {
    const std::string kind = text.substr(0, 1) + " ", what = text.substr(1);
    if (places.size() == 1) return kind + (places[0].empty() ? "" : places[0] + ": ") + what;
    std::string out = kind + what + ": ";
    for (size_t i = 0; i < std::min(places.size(), kPlacesNamed); ++i) out += (i == 0 ? "" : "; ") + places[i];
    if (places.size() > kPlacesNamed) out += " and " + std::to_string(places.size() - kPlacesNamed) + " more";
    return out;
  }

  static std::map<std::string_view, Lines> by_name(const Lines& lines) {
    std::map<std::string_view, Lines> names;
    for (const std::string* each : lines) names[name_of(*each)].push_back(each);
    return names;
  }

  // Most of a block is as it was: looked at is what stands between its first change and its last, and what has the name
  // of these beside them.
  static std::pair<Lines, Lines> changed_part(const Lines& a, const Lines& b) {
    const size_t least = std::min(a.size(), b.size());
    size_t front = 0, back = 0;
    while (front < least && a[front] == b[front]) ++front;
    while (back < least - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
    const auto is_named_alike = [](const Lines& lines, size_t at) {  // as the one before it
      return at > 0 && at < lines.size() && name_of(*lines[at - 1]) == name_of(*lines[at]);
    };
    while (front > 0 && (is_named_alike(a, front) || is_named_alike(b, front))) --front;
    while (back > 0 && (is_named_alike(a, a.size() - back) || is_named_alike(b, b.size() - back))) --back;
    const auto part = [&](const Lines& of) {
      return Lines(of.begin() + static_cast<ptrdiff_t>(front), of.end() - static_cast<ptrdiff_t>(back));
    };
    return {part(a), part(b)};
  }

  void settings(const std::string& where, const Lines& all_before, const Lines& all_after) {
    const auto [before, after] = changed_part(all_before, all_after);
    const auto old_names = by_name(before), new_names = by_name(after);
    const Lines none;
    for (const auto& [name, now] : new_names) {
      const auto old = old_names.find(name);
      named(where, old == old_names.end() ? none : old->second, now);
    }
    for (const auto& [name, old] : old_names)
      if (new_names.count(name) == 0) named(where, old, none);
  }

  // The lines of `all` that are not among `others`, each as often as it is missing there.
  static std::vector<Directive> left_of(const Lines& all, const Lines& others) {
    std::unordered_map<const std::string*, int> there;
    for (const std::string* each : others) ++there[each];
    std::vector<Directive> out;
    for (const std::string* each : all) {
      if (const auto same = there.find(each); same != there.end() && same->second-- > 0) continue;
      for (Directive& read : tree_of(*each)) out.push_back(std::move(read));
    }
    return out;
  }

  // All lines of one name in one block.
  void named(const std::string& where, const Lines& all_before, const Lines& all_after) {
    if (all_before == all_after) return;
    const std::vector<Directive> before = left_of(all_before, all_after), after = left_of(all_after, all_before);
    if (before.empty() && after.empty()) return;  // in another order
    // The only one of its name, or the one about the same thing.
    const bool only = all_before.size() == 1 && all_after.size() == 1;
    const auto key = [only](const Directive& of) { return only ? std::string_view() : std::string_view(of.arg(0)); };
    std::unordered_map<std::string_view, std::vector<const Directive*>> about;  // by the first argument, the last first
    for (auto each = after.rbegin(); each != after.rend(); ++each)
      if (only || !each->args.empty()) about[key(*each)].push_back(&*each);
    std::set<const Directive*> changed;
    for (const Directive& old : before) {
      if (!only && old.args.empty()) continue;
      const auto other = about.find(key(old));
      if (other == about.end() || other->second.empty()) continue;
      const Directive& now = *other->second.back();
      const bool same_thing = !old.args.empty() && !now.args.empty() && old.arg(0) == now.arg(0);
      const std::string was = arguments(old, same_thing ? 1 : 0);
      note('~', where, line_of(now) + " (was " + (was.empty() ? "without" : was) + ")");
      changed.insert({&old, &now});
      other->second.pop_back();
    }
    for (const Directive& old : before)
      if (changed.count(&old) == 0) note('-', where, line_of(old));
    for (const Directive& now : after)
      if (changed.count(&now) == 0) note('+', where, line_of(now));
  }

  void order(const std::string& where, const Sequence& before, const Sequence& after) {
    const std::optional<Swap> swap = first_swap(before, after);
    if (swap) note('~', where, std::string(swap->first) + " is now before " + std::string(swap->second));
  }

  // One server is enough to be known by its name alone.
  void addresses(const std::map<std::string, Address>& before, const std::map<std::string, Address>& after) {
    for (const auto& [address, now] : after) {
      const auto old = before.find(address);
      if (old == before.end() || now.servers < 2) continue;
      if (old->second.fallback != now.fallback)
        note('~', "default of " + address, now.fallback + " (was " + old->second.fallback + ")");
      order("listen " + address, sequence_of(old->second.by_pattern), sequence_of(now.by_pattern));
    }
  }

  void inside(const std::string& where, const Outline& before, const Outline& after) {
    const Inside old_inside = inside_of(before), new_inside = inside_of(after);
    const auto place = [&](const std::string& name) {
      if (name == "http") return where;  // everything is in it
      return where.empty() ? name : where + ", " + name;
    };
    for (const auto& [key, block] : new_inside.blocks) {
      const auto old = old_inside.blocks.find(key);
      if (old == old_inside.blocks.end())
        note('+', where, key.first);
      else
        blocks(place(key.first), *old->second, *block);
    }
    for (const auto& [key, block] : old_inside.blocks)
      if (new_inside.blocks.count(key) == 0) note('-', where, key.first);
    addresses(old_inside.addresses, new_inside.addresses);
  }

  std::vector<std::pair<std::string, std::vector<std::string>>> found_;  // in the order of finding
  std::unordered_map<std::string, size_t> index_;                        // into found_
};

std::vector<std::string> compare(const Outline& before, const Outline& after) {
  Comparison comparison;
  comparison.blocks("", before, after);
  return comparison.lines();
}

}  // namespace

std::vector<std::string> differences(const std::string& before, const std::string& after) {
  if (before == after) return {};
  LineStore store;
  const Outline old = outline_of("", tree_of(before), store);
  return compare(old, outline_of("", tree_of(after), store));
}

std::vector<std::string> differences(const Model& before, const Model& after) {
  LineStore store;
  const Outline old = outline_effective(before, store);
  return compare(old, outline_effective(after, store));
}

}  // namespace weir::config
