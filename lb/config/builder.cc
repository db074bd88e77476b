// The machine behind the tables: checks that hold for every directive, turns, defaults, and what rows look up.
#include "config/builder.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "config/words.h"

namespace weir::config {
namespace {

constexpr int kMostSuggestions = 20;

bool is_http_level(const Directive& directive) {
  const Row* row = find_row(directive.name, kHttp);
  return row != nullptr && (row->contexts & kHttp) != 0 && (row->contexts & kMain) == 0;
}

const Directive* find_directive(const std::vector<Directive>& block, std::string_view name) {
  for (const Directive& each : block)
    if (each.name == name) return &each;
  return nullptr;
}

bool asks_for_nginx(const std::vector<Directive>& block) {
  const Directive* defaults = find_directive(block, "defaults");
  return defaults != nullptr && defaults->args.size() == 1 && defaults->arg(0) == "nginx";
}

// The first argument that stands on a later line than the word before it and is a directive's name: a ";" was most
// likely forgotten.
const Argument* swallowed_directive(const Directive& directive) {
  if (!directive.at.file || directive.at.file->syntax != Syntax::kNginx) return nullptr;
  int line = directive.at.line;
  for (const Argument& argument : directive.args) {
    const Row* row = argument.at.line > line && !argument.quoted ? find_row(argument.text, kServer) : nullptr;
    if (row != nullptr && row->contexts != kMatch && row->contexts != kOtelExporter && row->name != "status")
      return &argument;  // "status" and "body" are words of the language
    line = argument.at.line;
  }
  return nullptr;
}

}  // namespace

Level level_below(Level& level) {
  proxy::RewriteSteps steps = std::exchange(level.location.rewrite, {});
  Level below = level;
  level.location.rewrite = std::move(steps);
  return below;
}

void Builder::build(const std::vector<Directive>& directives) {
  formats_["combined"] = std::make_shared<const observe::LogFormat>(observe::LogFormat::combined(names_));
  const Directive* http = find_directive(directives, "http");
  model_.main.nginx_defaults = asks_for_nginx(http != nullptr && http->block ? *http->block : directives);
  Scope scope{.context = kMain, .main = &model_.main};
  Scope events{.context = kEvents, .main = &model_.main};
  apply_nginx_defaults(scope);
  apply_nginx_defaults(events);
  if (http != nullptr || std::none_of(directives.begin(), directives.end(), is_http_level))
    return apply(directives, scope);
  // Without http{}: what belongs there is taken as if it were there, the rest is the process's.
  std::vector<Directive> main, inner;
  for (const Directive& each : directives) (is_http_level(each) ? inner : main).push_back(each);
  apply(main, scope);
  build_http(*this, inner);
}

const Row* Builder::check(const Directive& directive, Context context) {
  if (!check_filled(directive)) return nullptr;
  const std::string quoted = "\"" + directive.name + "\"";
  const Row* row = find_row(directive.name, context);
  const bool allowed = row != nullptr && (row->contexts & context) != 0;
  if (row == nullptr && !nginx_feature(directive.name).empty()) {
    diagnostics_.error(directive.at, not_supported(directive.name));
    return nullptr;
  }
  if (row == nullptr) {
    // A file that is no configuration at all is full of unknown words.
    const std::string_view near = ++unknown_ <= kMostSuggestions ? suggest_name(directive.name, context) : "";
    diagnostics_.error(directive.at, "unknown directive " + quoted +
                                         (near.empty() ? "" : ", did you mean \"" + std::string(near) + "\"?"));
    return nullptr;
  }
  if (!allowed) {
    diagnostics_.error(
        directive.at, quoted + " directive is not allowed here, it belongs in " + to_string_of_contexts(row->contexts));
    return nullptr;
  }
  if (row->open != nullptr && !directive.block) {
    diagnostics_.error(directive.at, "directive " + quoted + " has no opening \"{\"");
    return nullptr;
  }
  if (row->open == nullptr && directive.block) {
    const Argument* swallowed = swallowed_directive(directive);
    diagnostics_.error(directive.at, "directive " + quoted + " is not terminated by \";\"" +
                                         (swallowed ? ", is it missing before \"" + swallowed->text + "\"?" : ""));
    return nullptr;
  }
  if (!check_count(directive, *row)) return nullptr;
  warn_of_swallowed(directive);
  return row;
}

bool Builder::check_count(const Directive& directive, const Row& row) {
  const int count = static_cast<int>(directive.args.size());
  if (count >= row.kind.least_args && (row.kind.most_args < 0 || count <= row.kind.most_args)) return true;
  std::string text = "invalid number of arguments in \"" + directive.name + "\" directive";
  if (const Argument* swallowed = swallowed_directive(directive)) {
    text += ", is a \";\" missing before \"" + swallowed->text + "\"?";
  } else if (row.kind.most_args != 0 && !row.kind.form.empty()) {
    text += ", it is written: " + directive.name + " " + std::string(row.kind.form);
  }
  diagnostics_.error(directive.at, std::move(text));
  return false;
}

namespace {

// "@PORT@" or "%%PORT%%" in a word: as autoconf and packagers write what is still to come. Empty: neither.
std::string marked_name(std::string_view text) {
  for (const std::string_view mark : {"@", "%%"}) {
    for (size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) {
      const size_t end = text.find(mark, at + mark.size());
      if (end == std::string_view::npos) break;
      const std::string_view name = text.substr(at + mark.size(), end - at - mark.size());
      const bool upper = name.size() > 1 && std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
                         });
      if (upper) return std::string(text.substr(at, end + mark.size() - at));
    }
  }
  return {};
}

}  // namespace

// Container images fill ${PORT} in before they start nginx: where nobody did, nothing that follows makes sense.
bool Builder::check_filled(const Directive& directive) {
  const auto report = [&](const Position& at, const std::string& text) {
    diagnostics_.error(at, "\"" + text + "\" is a placeholder of a template that was not filled in");
    return false;
  };
  const auto is_braced = [](const std::string& text) {
    return text.find("{{") != std::string::npos || text.find("{%") != std::string::npos;
  };
  if (is_braced(directive.name)) return report(directive.at, directive.name);
  for (const Argument& argument : directive.args) {
    const std::string& text = argument.text;
    if (!argument.quoted && (is_braced(text) || text.find("<%") != std::string::npos)) return report(argument.at, text);
    if (!argument.quoted)
      if (const std::string name = marked_name(text); !name.empty()) return report(argument.at, name);
    for (size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
      const size_t end = text.find('}', at);
      const std::string name = end == std::string::npos ? "" : text.substr(at + 2, end - at - 2);
      const bool upper = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
      });
      if (!upper || names_.find(name)) continue;
      return report(argument.at, "${" + name + "}");
    }
  }
  return true;
}

void Builder::warn_of_swallowed(const Directive& directive) {
  if (const Argument* swallowed = swallowed_directive(directive))
    diagnostics_.warning(swallowed->at, "\"" + swallowed->text + "\" is an argument of \"" + directive.name +
                                            "\" here, is a \";\" missing before it?");
}

void Builder::apply(const std::vector<Directive>& block, Scope& scope) {
  struct Child {
    const Directive* directive;
    const Row* row;
  };
  std::vector<Child> children;
  std::map<std::string_view, const Directive*> seen;
  for (const Directive& directive : block) {
    const Row* row = check(directive, scope.context);
    if (row == nullptr) continue;
    const auto [known, fresh] = seen.emplace(row->name, &directive);
    if (!fresh && row->times == Times::kOnce) {
      diagnostics_.error(directive.at, "\"" + directive.name + "\" directive is duplicate, the first is in " +
                                           known->second->at.to_string());
      continue;
    }
    children.push_back({&directive, row});
  }
  std::stable_sort(children.begin(), children.end(),
                   [](const Child& a, const Child& b) { return a.row->turn < b.row->turn; });
  std::set<std::string_view> applied;
  for (const Child& child : children) {
    const auto apply = child.row->open != nullptr ? child.row->open : child.row->kind.apply;
    Call call{*this, *child.row, *child.directive, scope, applied.insert(child.row->name).second, &block};
    if (apply != nullptr) apply(call);
  }
}

void Builder::apply_default(const Row& row, std::string_view text, Scope& scope) {
  Directive directive;
  directive.name = row.name;
  auto words = split_words(text);
  for (Word& word : *words) directive.args.push_back({std::move(word.text), word.quoted, {}});
  Call call{*this, row, directive, scope, true};
  row.kind.apply(call);
}

void Builder::apply_nginx_defaults(Scope& scope) {
  if (!model_.main.nginx_defaults) return;
  for (const Row* row : all_rows()) {
    const bool differs = !row->nginx_default.empty() && row->nginx_default != row->weir_default;
    if ((row->contexts & scope.context) != 0 && differs && row->kind.apply != nullptr)
      apply_default(*row, row->nginx_default, scope);
  }
}

Result<std::string> Builder::read_file(const std::string& path) const {
  if (!read_file_) return Unexpected{"\"" + path + "\" cannot be read here"};
  return read_file_(path);
}

std::vector<std::string> Builder::addresses_of(const std::string& host) const {
  return find_host_ ? find_host_(host) : std::vector<std::string>();
}

bool Builder::add_format(const std::string& name, std::shared_ptr<const observe::LogFormat> format) {
  return formats_.emplace(name, std::move(format)).second;
}

std::shared_ptr<const observe::LogFormat> Builder::find_format(const std::string& name) {
  const auto it = formats_.find(name);
  if (it != formats_.end()) return it->second;
  // Unlike "combined" it may be the name of a format of the operator's.
  return name == "json" ? std::make_shared<const observe::LogFormat>(observe::LogFormat::json(names_)) : nullptr;
}

}  // namespace weir::config
