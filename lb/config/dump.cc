// The tables in the other direction.
#include "config/dump.h"

#include <optional>

#include "config/preset.h"

namespace weir::config {
namespace {

// A scope with nothing written in it, for comparison.
struct Fresh {
  MainConfig main;
  Level level;
  ServerModel server;
  UpstreamModel upstream;
  upstream::Match match;
};

// What http{} hands down is shown in every server{}, merged.
bool shown_below(const Row& row, const Scope& scope) {
  return scope.context == kHttp && row.open == nullptr && (row.contexts & kServer) != 0;
}

}  // namespace

void Dump::content(const Scope& scope, const Level* inherited) {
  std::optional<Fresh> fresh;
  Scope defaults = scope;
  if (!with_defaults_) {
    fresh.emplace();
    if (inherited != nullptr) fresh->level = *inherited;
    defaults.main = &fresh->main;
    if (scope.level != nullptr) defaults.level = &fresh->level;
    if (scope.server != nullptr) defaults.server = &fresh->server;
    if (scope.upstream != nullptr) defaults.upstream = &fresh->upstream;
    if (scope.match != nullptr) defaults.match = &fresh->match;
  }
  for (const Row* row : all_rows()) {
    if ((row->contexts & scope.context) == 0 || row->kind.show == nullptr || shown_below(*row, scope)) continue;
    const std::vector<std::string> lines = row->kind.show(scope);
    if (!with_defaults_ && lines == row->kind.show(defaults)) continue;
    for (const std::string& args : lines) line(std::string(row->name) + (args.empty() ? "" : " " + args) + ";");
  }
  for (const Row* row : all_rows())
    if ((row->contexts & scope.context) != 0 && row->show != nullptr) row->show(*this, scope);
}

void Dump::line(const std::string& text) {
  if (outline_ != nullptr)
    outline_->lines.push_back(&*store_->insert(text).first);
  else
    out_.append(depth_ * 4, ' ').append(text) += '\n';
}

void Dump::block(const std::string& head, const Scope& scope, const Level* inherited) {
  if (outline_ != nullptr) {
    Outline* const around = outline_;
    outline_ = &around->blocks.emplace_back();
    outline_->head = head;
    outline_->at = around->lines.size();
    content(scope, inherited);
    outline_ = around;
    return;
  }
  line(head + " {");
  ++depth_;
  content(scope, inherited);
  --depth_;
  line("}");
}

std::string dump_files(const Tree& tree) {
  std::string out;
  for (const auto& file : tree.files) out += "# configuration file " + file->name + ":\n" + file->text + "\n";
  for (const Expansion& each : tree.expansions) out += describe(each);
  return out;
}

std::string dump_effective(const Model& model, bool with_defaults) {
  MainConfig main = model.main;
  Dump dump(with_defaults);
  dump.content({.context = kMain, .model = &model, .main = &main});
  return dump.take();
}

Outline outline_effective(const Model& model, LineStore& store) {
  Outline outline;
  MainConfig main = model.main;
  Dump(outline, store).content({.context = kMain, .model = &model, .main = &main});
  return outline;
}

}  // namespace weir::config
