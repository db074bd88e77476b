// The model where there is one; else the directives that could be read, else the lines of the text.
#include "process/places.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "config/tree_loader.h"
#include "process/admin_socket.h"
#include "process/load.h"

namespace weir::process {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The value of the last line "NAME VALUE;" or "NAME: VALUE" that begins so; empty: none.
std::string value_in_text(std::string_view text, std::string_view name) {
  std::string value;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.starts_with(':')) line.remove_prefix(1);
    if (line.empty() || kBlanks.find(line.front()) == std::string_view::npos) continue;
    line = trimmed(line.substr(0, line.find_first_of(";#")));
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front())
      line = line.substr(1, line.size() - 2);
    if (!line.empty() && line.find_first_of(kBlanks) == std::string_view::npos) value = line;
  }
  return value;
}

std::string value_in(const std::vector<config::Directive>& directives, std::string_view name) {
  std::string value;
  for (const config::Directive& each : directives)
    if (each.name == name && !each.args.empty()) value = each.args.front().text;
  return value;
}

std::vector<config::Directive> directives_of(const std::string& text) {
  auto source = std::make_shared<config::SourceFile>();
  source->name = "-g";
  source->text = text;
  config::Diagnostics ignored;
  return config::read_directives(source, ignored);
}

}  // namespace

Places find_places(const CommandLine& line) {
  Places places;
  config::MainConfig main;
  const LoadedConfig loaded = load_config(line);
  if (loaded.model) {
    main = loaded.model->main;
  } else {
    places.errors = loaded.errors;
    config::DiskFiles files;
    config::Diagnostics ignored;
    const Result<std::string> text = files.read(line.config);
    places.readable = static_cast<bool>(text);
    const config::Tree tree = config::load_tree(line.config, files, ignored);
    const std::vector<config::Directive> globals = directives_of(line.globals);
    const auto fill = [&](std::string& field, std::string_view name) {
      std::string value = value_in(globals, name);
      if (value.empty()) value = value_in(tree.directives, name);
      if (value.empty() && text) value = value_in_text(*text, name);
      if (!value.empty()) field = value;
    };
    fill(main.pid, "pid");
    fill(main.admin, "admin");
  }
  places.pid = main.pid;
  places.admin = admin_socket_path(main);
  return places;
}

}  // namespace weir::process
