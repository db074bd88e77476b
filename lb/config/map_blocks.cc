// map{}, and the names that regular expressions capture: everything that declares a variable, before anything uses one.
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/regex.h"
#include "config/builder.h"
#include "config/geo_blocks.h"
#include "config/geoip_block.h"
#include "config/shapes.h"
#include "route/map.h"

namespace weir::config {
namespace {

// One map while its variable is not declared yet.
struct Pending {
  const Directive* directive = nullptr;
  std::string name = {};  // without the $
  bool hostnames = false;
  bool is_volatile = false;
  std::set<std::string> provides = {};  // its own name, and those that its regexes capture
};

bool is_flag_entry(const Directive& entry) {
  return entry.args.empty() && (entry.name == "hostnames" || entry.name == "volatile");
}

// The text of the regex of a map's entry, or nothing.
std::string pattern_of(const Directive& entry) {
  if (!entry.name.starts_with('~')) return "";
  return entry.name.substr(entry.name.starts_with("~*") ? 2 : 1);
}

// The names of a pattern's groups, in lower case; a wrong one is reported where it is used.
std::set<std::string> captures_of(const std::string& pattern) {
  std::set<std::string> out;
  if (pattern.find("(?") == std::string::npos) return out;  // as most of some thousand rewrites have none
  if (const auto regex = Regex::compile(pattern, true))
    for (const auto& [name, group] : regex->names()) out.insert(lowered(name));
  return out;
}

// Whether the text uses one of the variables.
bool mentions(std::string_view text, const std::set<std::string>& names) {
  for (size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    size_t begin = at + 1;
    if (begin < text.size() && text[begin] == '{') ++begin;
    size_t end = begin;
    while (end < text.size() && (is_alpha(text[end]) || is_digit(text[end]) || text[end] == '_')) ++end;
    if (names.contains(lowered(text.substr(begin, end - begin)))) return true;
  }
  return false;
}

// The names that the maps not made yet bring, but for those that this one captures itself.
std::set<std::string> missing_for(const Pending& map, const std::vector<Pending>& pending) {
  std::set<std::string> names;
  for (const Pending& each : pending)
    if (&each != &map) names.insert(each.provides.begin(), each.provides.end());
  for (const std::string& own : map.provides) names.erase(own);
  names.insert(map.name);
  return names;
}

bool depends_on(const Directive& map, const std::set<std::string>& names) {
  if (map.args.size() > 1 && mentions(map.arg(0), names)) return true;
  if (map.name != "map") return false;  // the values of geo and split_clients are plain text
  for (const Directive& entry : *map.block)
    for (const Argument& value : entry.args)
      if (mentions(value.text, names)) return true;
  return false;
}

// Declares the variable whatever is wrong with the block, so that its uses are not reported as well.
void declare_map(Builder& builder, const Directive& directive, const std::string& name, bool hostnames,
                 bool is_volatile) {
  Diagnostics& diagnostics = builder.diagnostics();
  auto source = route::Template::compile(directive.arg(0), builder.names());
  if (!source) diagnostics.error(directive.args[0].at, std::move(source.error()));
  auto map = std::make_shared<route::Map>(source ? std::move(*source) : route::Template(), hostnames, is_volatile);
  for (const Directive& entry : *directive.block) {
    if (is_flag_entry(entry)) continue;
    if (entry.args.size() != 1 || entry.block) {
      diagnostics.error(entry.at, "invalid number of the map parameters");
      continue;
    }
    auto value = route::Template::compile(entry.arg(0), builder.names());
    if (!value) {
      diagnostics.error(entry.args[0].at, std::move(value.error()));
      continue;
    }
    if (Status<> added = map->add(entry.name, std::move(*value)); !added)
      diagnostics.error(entry.at, std::move(added.error()));
  }
  builder.names().declare_map(name, map);
  map->for_each_capture([&](const std::string& capture) {
    if (builder.names().declare_capture(capture, map))
      diagnostics.warning(directive.at, "\"$" + capture +
                                            "\" is captured by several maps: outside of them it has the " +
                                            "value of the last one that matches (in nginx of the one evaluated last)");
  });
}

// map, geo or split_clients, as it is written enough to be looked at; else it is reported elsewhere.
bool declares_variable(const Directive& directive) {
  if (!directive.block) return false;
  const size_t count = directive.args.size();
  if (directive.name == "geo") return count == 1 || count == 2;
  return (directive.name == "map" || directive.name == "split_clients") && count == 2;
}

void declare(Builder& builder, const Pending& pending) {
  const Directive& directive = *pending.directive;
  if (directive.name == "map") {
    declare_map(builder, directive, pending.name, pending.hostnames, pending.is_volatile);
  } else {
    builder.names().declare_map(
        pending.name, directive.name == "geo" ? make_geo(builder, directive) : make_split(builder, directive));
  }
}

// Declared before anything else in http{} is looked at, in the order that they depend on each other.
void open_map(Call&) {}

const Row kRows[] = {
    {
        .name = "map",
        .contexts = kHttp,
        .kind = {.form = "STRING $VARIABLE { ... }", .least_args = 2, .most_args = 2},
        .help = "A variable computed from others: exact text, hostnames, regular expressions, default.",
        .times = Times::kMany,
        .open = open_map,
    },
    {
        .name = "geo",
        .contexts = kHttp,
        .kind = {.form = "[$ADDRESS] $VARIABLE { ... }", .least_args = 1, .most_args = 2},
        .help = "A variable by an address, the client's unless another is named: networks, the most specific of which "
                "counts; default, delete, proxy, proxy_recursive; ranges: \"10.0.0.1-10.0.0.9\" instead of networks.",
        .times = Times::kMany,
        .open = open_map,
    },
    {
        .name = "geoip2",
        .contexts = kHttp,
        .kind = {.form = "FILE { ... }"},
        .help =
            "Variables by an address, of a database in MaxMind's format. A line is written: $VARIABLE [default=TEXT] "
            "[source=$ADDRESS] KEY ..., like $country default=US country iso_code; or $VARIABLE metadata "
            "build_epoch. A new database takes the name of the old one, and a reload takes it; with the line "
            "\"auto_reload "
            "TIME;\" the file is looked at that often instead, and a broken one leaves the old one in force.",
        .times = Times::kMany,
        .open = open_map,
    },
    {
        .name = "split_clients",
        .contexts = kHttp,
        .kind = {.form = "STRING $VARIABLE { ... }", .least_args = 2, .most_args = 2},
        .help =
            "A variable by the hash of a text (MurmurHash2, as in nginx): parts of percent with two decimals at most, "
            "and * for the rest.",
        .times = Times::kMany,
        .open = open_map,
    },
};

}  // namespace

void declare_captures(Builder& builder, const std::vector<Directive>& block) {
  for (const Directive& directive : block) {
    const auto declare_captures_of = [&](const std::string& pattern) {
      for (const std::string& name : captures_of(pattern)) {
        if (route::VariableNames::is_fixed(name)) {
          std::string why = "the duplicate \"";
          why.append(name).append("\" variable: \"").append(pattern).append("\" captures a built-in one");
          builder.diagnostics().error(directive.at, std::move(why));
        }
        builder.names().declare_capture(name);
      }
    };
    if (directive.name == "server_name") {
      for (const Argument& argument : directive.args)
        if (argument.text.starts_with('~')) declare_captures_of(argument.text.substr(1));
    } else if (directive.name == "location" && !directive.args.empty() && directive.args.size() <= 2) {
      route::LocationKind kind{};
      std::string pattern;
      split_location(directive, kind, pattern);
      if (kind == route::LocationKind::kRegex || kind == route::LocationKind::kRegexNoCase)
        declare_captures_of(pattern);
    } else if ((directive.name == "proxy_redirect" || directive.name.starts_with("proxy_cookie_")) &&
               directive.args.size() == 2) {
      const std::string& from = directive.args[0].text;
      if (from.starts_with('~')) declare_captures_of(from.substr(from.starts_with("~*") ? 2 : 1));
    }
    const bool sets = directive.name == "set" || directive.name == "auth_request_set";
    if (sets && directive.args.size() == 2 && directive.arg(0).starts_with('$')) {
      builder.names().declare_set(directive.arg(0).substr(1));
      builder.note_set(lowered(directive.arg(0).substr(1)), directive.arg(1));
    }
    if (directive.name == "if" && directive.args.size() >= 3) {
      std::string pattern = directive.arg(2);
      if (directive.args.size() == 3 && pattern.ends_with(')')) pattern.pop_back();
      if (directive.arg(1).find('~') != std::string::npos) declare_captures_of(pattern);
    }
    if (directive.name == "rewrite" && !directive.args.empty()) declare_captures_of(directive.arg(0));
    if (!directive.block) continue;
    if (directive.name != "map" && !is_data_block(directive.name)) {
      declare_captures(builder, *directive.block);
      continue;
    }
    if (directive.name == "map")
      for (const Directive& entry : *directive.block) declare_captures_of(pattern_of(entry));
  }
}

void declare_maps(Builder& builder, const std::vector<Directive>& block) {
  Diagnostics& diagnostics = builder.diagnostics();
  std::vector<Pending> pending;
  std::set<std::string> open;
  for (const Directive& directive : block)  // what they say may be the source of a map, and not the other way round
    if (directive.name == "geoip2" && directive.args.size() == 1 && directive.block) declare_geoip(builder, directive);
  for (const Directive& directive : block) {
    if (!declares_variable(directive)) continue;
    const std::string& variable = directive.args.back().text;
    if (!variable.starts_with('$') || variable.size() < 2) {
      diagnostics.error(directive.args.back().at, "invalid variable name \"" + variable + "\"");
      continue;
    }
    Pending map{.directive = &directive, .name = lowered(variable.substr(1))};
    if (route::VariableNames::is_fixed(map.name) || !open.insert(map.name).second) {
      diagnostics.error(directive.args.back().at, "the duplicate \"" + map.name + "\" variable");
      continue;
    }
    for (const Directive& entry : *directive.block) {
      if (directive.name != "map") break;
      if (is_flag_entry(entry)) (entry.name == "hostnames" ? map.hostnames : map.is_volatile) = true;
      map.provides.merge(captures_of(pattern_of(entry)));
    }
    map.provides.insert(map.name);
    pending.push_back(std::move(map));
  }

  // A map can be made once every map that it names is there; what is left over when nothing moves is a circle. nginx
  // finds circles when a request runs into one; here they would also be maps that own each other, and are never freed.
  for (bool moved = true; moved;) {
    moved = false;
    for (auto it = pending.begin(); it != pending.end();) {
      if (depends_on(*it->directive, missing_for(*it, pending))) {
        ++it;
        continue;
      }
      declare(builder, *it);
      it = pending.erase(it);
      moved = true;
    }
  }
  for (const Pending& map : pending) {
    diagnostics.error(map.directive->at, "the " + map.directive->name + " of \"$" + map.name + "\" depends on itself");
    builder.names().declare_map(map.name, std::make_shared<route::Map>(route::Template(), false, false));
  }
}

std::span<const Row> map_rows() {
  return kRows;
}

}  // namespace weir::config
