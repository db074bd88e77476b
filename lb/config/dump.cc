// The tables in the other direction.
#include "config/dump.h"

#include "config/checks.h"
#include "config/directive.h"
#include "config/preset.h"
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

// A scope with nothing written in it, for comparison.
struct Fresh {
  MainConfig main;
  Level level;
  ServerModel server;
  UpstreamModel upstream;
  ResolverOptions resolver;
  upstream::Match match;
};

class Dumper {
 public:
  explicit Dumper(bool with_defaults) : with_defaults_(with_defaults) {}
  std::string run(const Model& model);

 private:
  // What differs from `inherited`, or everything; contents are never inherited.
  void rows(const Scope& scope, const Level* inherited = nullptr);
  void open(const std::string& head) { line(head + " {"), ++depth_; }
  void close() { --depth_, line("}"); }
  void line(const std::string& text) { out_ += std::string(depth_ * 4, ' ') + text + "\n"; }
  void upstream(const UpstreamModel& model);
  void server(const ServerModel& model);
  void location(const LocationModel& model, const ServerModel& server, const Level& inherited);
  void match(const upstream::Match& match);
  void resolver(const ResolverOptions& options);
  static Level level_of(const proxy::Location& settings, const Written& written, const ServerModel& server) {
    return {settings, server.limits, server.header_timeout, written, false};
  }

  bool with_defaults_;
  MainConfig main_;
  const Model* model_ = nullptr;
  size_t depth_ = 0;
  std::string out_;
};

void Dumper::rows(const Scope& scope, const Level* inherited) {
  Fresh fresh;
  if (inherited != nullptr) {
    fresh.level = *inherited;
    fresh.level.location.pass.reset();
    fresh.level.location.returns.reset();
  }
  Scope defaults = scope;
  defaults.main = &fresh.main;
  if (scope.level != nullptr) defaults.level = &fresh.level;
  if (scope.server != nullptr) defaults.server = &fresh.server;
  if (scope.upstream != nullptr) defaults.upstream = &fresh.upstream;
  if (scope.match != nullptr) defaults.match = &fresh.match;
  for (const Row* row : all_rows()) {
    if ((row->contexts & scope.context) == 0 || row->kind.show == nullptr) continue;
    const std::vector<std::string> lines = row->kind.show(scope);
    if (!with_defaults_ && lines == row->kind.show(defaults)) continue;
    for (const std::string& args : lines) line(std::string(row->name) + (args.empty() ? "" : " " + args) + ";");
  }
}

void Dumper::upstream(const UpstreamModel& model) {
  UpstreamModel copy = model;
  Scope scope;
  scope.context = kUpstream;
  scope.main = &main_;
  scope.upstream = &copy;
  open("upstream " + quote_word(model.name));
  rows(scope);
  close();
}

void Dumper::location(const LocationModel& model, const ServerModel& server, const Level& inherited) {
  static constexpr std::string_view kModifiers[] = {"", "= ", "^~ ", "~ ", "~* ", ""};
  Level level = level_of(model.settings, model.written, server);
  Scope scope;
  scope.context = kLocation;
  scope.main = &main_;
  scope.level = &level;
  open("location " + std::string(kModifiers[static_cast<size_t>(model.kind)]) + quote_word(model.pattern));
  rows(scope, &inherited);
  // An upstream made of an address has no block of its own to show its checks in.
  const auto& pass = model.settings.pass;
  if (pass && pass->cluster >= 0 && model_->upstreams[static_cast<size_t>(pass->cluster)].implicit)
    for (const upstream::CheckOptions& check : model_->upstreams[static_cast<size_t>(pass->cluster)].checks)
      line("health_check " + show_check(check) + ";");
  for (const LocationModel& each : model.nested) location(each, server, level);
  close();
}

void Dumper::match(const upstream::Match& match) {
  upstream::Match copy = match;
  Scope scope;
  scope.context = kMatch;
  scope.main = &main_;
  scope.match = &copy;
  open("match " + quote_word(match.name));
  rows(scope);
  close();
}

void Dumper::resolver(const ResolverOptions& options) {
  ResolverOptions copy = options, fresh;
  Scope scope, defaults;
  scope.resolver = &copy;
  defaults.resolver = &fresh;
  for (const std::string_view name : {"resolver", "resolver_timeout"}) {
    const Row* row = find_row(name, kHttp);
    if (!with_defaults_ && row->kind.show(scope) == row->kind.show(defaults)) continue;
    for (const std::string& args : row->kind.show(scope)) line(std::string(name) + " " + args + ";");
  }
}

void Dumper::server(const ServerModel& model) {
  ServerModel copy = model;
  Level level = level_of(model.settings, model.written, model);
  Scope scope;
  scope.context = kServer;
  scope.main = &main_;
  scope.level = &level;
  scope.server = &copy;
  open("server");
  rows(scope);
  for (const LocationModel& each : model.locations) location(each, model, level);
  close();
}

std::string Dumper::run(const Model& model) {
  main_ = model.main;
  model_ = &model;
  Scope scope;
  scope.main = &main_;
  scope.context = kMain;
  rows(scope);
  open("events");
  scope.context = kEvents;
  rows(scope);
  close();
  if (!model.has_http) return std::move(out_);
  open("http");
  if (model.main.nginx_defaults) line("defaults nginx;");
  resolver(model.resolver);
  for (const auto& each : model.matches) match(*each);
  for (const UpstreamModel& each : model.upstreams)
    if (!each.implicit) upstream(each);
  for (const ServerModel& each : model.servers) server(each);
  close();
  return std::move(out_);
}

}  // namespace

std::string dump_files(const Tree& tree) {
  std::string out;
  for (const auto& file : tree.files) out += "# configuration file " + file->name + ":\n" + file->text + "\n";
  for (const Expansion& each : tree.expansions) out += describe(each);
  return out;
}

std::string dump_effective(const Model& model, bool with_defaults) {
  return Dumper(with_defaults).run(model);
}

}  // namespace weir::config
