// Blocks: main, events, http and upstream; checks that hold for every directive.
#include "config/builder.h"

#include <algorithm>

#include "base/bytes.h"
#include "config/preset.h"
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

bool has_argument(const Directive& directive, std::string_view start) {
  return std::any_of(directive.args.begin(), directive.args.end(),
                     [&](const Argument& a) { return a.text.starts_with(start); });
}

// The first argument that stands on a later line than the word before it and is a directive's name: a ";" was most
// likely forgotten.
const Argument* swallowed_directive(const Directive& directive) {
  if (!directive.at.file || directive.at.file->syntax != Syntax::kNginx) return nullptr;
  int line = directive.at.line;
  for (const Argument& argument : directive.args) {
    const Row* row = argument.at.line > line && !argument.quoted ? find_row(argument.text, kServer) : nullptr;
    if (row != nullptr && row->contexts != kMatch) return &argument;  // "status" and "body" are words of the language
    line = argument.at.line;
  }
  return nullptr;
}

}  // namespace

void Builder::build(const std::vector<Directive>& directives) {
  formats_["combined"] = std::make_shared<const observe::LogFormat>(observe::LogFormat::combined(names_));
  const Directive* http = find_directive(directives, "http");
  main_.nginx_defaults = asks_for_nginx(http != nullptr && http->block ? *http->block : directives);
  if (http != nullptr || std::none_of(directives.begin(), directives.end(), is_http_level))
    return build_main(directives);
  // Without http{}: what belongs there is taken as if it were there, the rest is the process's.
  std::vector<Directive> main, inner;
  for (const Directive& each : directives) (is_http_level(each) ? inner : main).push_back(each);
  build_main(main);
  build_http(inner);
}

const Row* Builder::check(const Directive& directive, Context context) {
  const std::string quoted = "\"" + directive.name + "\"";
  const Row* row = find_row(directive.name, context);
  const bool allowed = row != nullptr && (row->contexts & context) != 0;
  if (!allowed && is_known_to_nginx(directive.name)) {
    diagnostics_.error(directive.at, quoted + " is known to nginx, but not supported by weir yet");
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
  if (row->block && !directive.block) {
    diagnostics_.error(directive.at, "directive " + quoted + " has no opening \"{\"");
    return nullptr;
  }
  if (!row->block && directive.block) {
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

void Builder::warn_of_swallowed(const Directive& directive) {
  if (const Argument* swallowed = swallowed_directive(directive))
    diagnostics_.warning(swallowed->at, "\"" + swallowed->text + "\" is an argument of \"" + directive.name +
                                            "\" here, is a \";\" missing before it?");
}

std::vector<Builder::Child> Builder::apply_block(const std::vector<Directive>& block, Scope& scope) {
  std::vector<Child> simple, blocks;
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
    (row->block ? blocks : simple).push_back({&directive, row});
  }
  std::stable_partition(simple.begin(), simple.end(), [](const Child& c) { return c.row->early; });
  std::map<std::string_view, bool> applied;
  for (const Child& child : simple) {
    if (child.row->kind.apply == nullptr) continue;
    Call call{*this, *child.row, *child.directive, scope, applied.emplace(child.row->name, true).second};
    child.row->kind.apply(call);
  }
  return blocks;
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
  if (!main_.nginx_defaults) return;
  for (const Row* row : all_rows()) {
    const bool differs = !row->nginx_default.empty() && row->nginx_default != row->weir_default;
    if ((row->contexts & scope.context) != 0 && differs && row->kind.apply != nullptr)
      apply_default(*row, row->nginx_default, scope);
  }
}

void Builder::build_main(const std::vector<Directive>& directives) {
  Scope scope;
  scope.context = kMain;
  scope.main = &main_;
  Scope events = scope;
  events.context = kEvents;
  apply_nginx_defaults(scope);
  apply_nginx_defaults(events);
  for (const Child& child : apply_block(directives, scope)) {
    if (child.directive->name == "http") {
      build_http(*child.directive->block);
    } else {
      apply_block(*child.directive->block, events);
    }
  }
}

void Builder::build_http(const std::vector<Directive>& block) {
  model_.has_http = true;
  Level level;
  Scope scope;
  scope.context = kHttp;
  scope.main = &main_;
  scope.level = &level;
  apply_nginx_defaults(scope);
  if (main_.nginx_defaults) {
    level.location.automatic_headers = false;
    level.location.no_peer_status = 502;
  }
  scope.resolver = &model_.resolver;
  declare_captures(block);
  declare_maps(block);
  declare_matches(block);
  const std::vector<Child> blocks = apply_block(block, scope);
  for (const Child& child : blocks)
    if (child.directive->name == "upstream") build_upstream(*child.directive);
  for (const Child& child : blocks)
    if (child.directive->name == "server") build_server(*child.directive, level);
  hint_at_missing_checks();
}

void Builder::prepare_upstream(UpstreamModel& upstream) {
  upstream.resolver = model_.resolver;
  Scope scope;
  scope.context = kUpstream;
  scope.main = &main_;
  scope.upstream = &upstream;
  apply_nginx_defaults(scope);
  if (main_.nginx_defaults) upstream.panic = false;
}

void Builder::build_upstream(const Directive& directive) {
  UpstreamModel upstream;
  upstream.name = directive.arg(0);
  upstream.position = directive.at.to_string();
  prepare_upstream(upstream);
  Scope scope;
  scope.context = kUpstream;
  scope.main = &main_;
  scope.upstream = &upstream;
  apply_block(*directive.block, scope);
  check_parameters_of_method(directive, upstream);
  if (const Directive* queue = find_directive(*directive.block, "queue"))
    if (std::all_of(upstream.servers.begin(), upstream.servers.end(),
                    [](const UpstreamServer& each) { return each.options.max_conns == 0; }))
      diagnostics_.warning(queue->at, "\"queue\" is for places that \"max_conns\" limits, and no server has it");
  if (const Directive* preset = find_directive(*directive.block, "preset"); is_nocobase(preset))
    if (upstream.servers.size() > kMostNocobaseNodes)
      diagnostics_.warning(preset->at, "NocoBase runs on at most " + std::to_string(kMostNocobaseNodes) +
                                           " nodes (worker ids 0-31), upstream \"" + upstream.name + "\" has " +
                                           std::to_string(upstream.servers.size()));
  if (find_directive(*directive.block, "server") == nullptr)
    diagnostics_.error(directive.at, "no servers are inside upstream \"" + upstream.name + "\"");
  if (find_upstream(upstream.name, false) >= 0)
    return diagnostics_.error(directive.at, "duplicate upstream \"" + upstream.name + "\"");
  add_upstream(std::move(upstream));
}

// As nginx: what a key or chance decides knows neither tiers nor ramps.
void Builder::check_parameters_of_method(const Directive& directive, const UpstreamModel& upstream) {
  using policy::Method;
  const Method method = upstream.method;
  if (method == Method::kRoundRobin || method == Method::kLeastConn || method == Method::kLeastTimeHeader ||
      method == Method::kLeastTimeLastByte)
    return;
  for (const Directive& each : *directive.block)
    for (const std::string_view parameter : {"backup", "slow_start="})
      if (each.name == "server" && has_argument(each, parameter))
        diagnostics_.error(each.at, "balancing method does not support parameter \"" +
                                        std::string(parameter.substr(0, parameter.find('='))) + "\"");
}

Result<std::string> Builder::read_file(const std::string& path) const {
  if (!read_file_) return Unexpected{"\"" + path + "\" cannot be read here"};
  return read_file_(path);
}

bool Builder::add_format(const std::string& name, std::shared_ptr<const observe::LogFormat> format) {
  return formats_.emplace(name, std::move(format)).second;
}

std::shared_ptr<const observe::LogFormat> Builder::find_format(const std::string& name) {
  const auto it = formats_.find(name);
  return it == formats_.end() ? nullptr : it->second;
}

int Builder::find_upstream(std::string_view name, bool implicit) const {
  const auto& map = implicit ? implicit_ : upstreams_;
  const auto it = map.find(lowered(name));
  return it == map.end() ? -1 : it->second;
}

int Builder::add_upstream(UpstreamModel upstream) {
  const int index = static_cast<int>(model_.upstreams.size());
  (upstream.implicit ? implicit_ : upstreams_)[lowered(upstream.name)] = index;
  model_.upstreams.push_back(std::move(upstream));
  return index;
}

}  // namespace weir::config
