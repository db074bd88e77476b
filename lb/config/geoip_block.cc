#include "config/geoip_block.h"

#include "base/bytes.h"
#include "config/values.h"
#include "route/geoip.h"
#include "route/map.h"

namespace weir::config {
namespace {

constexpr std::string_view kLine = "it is written: $VARIABLE [default=TEXT] [source=$ADDRESS] KEY ...";

// $VARIABLE [default=TEXT] [source=$ADDRESS] KEY ... | metadata build_epoch
struct Line {
  std::string otherwise;
  std::string source = "$remote_addr";
  std::vector<std::string> path;
};

Line read_line(const Directive& entry) {
  constexpr std::string_view kDefault = "default=", kSource = "source=";
  Line line;
  for (const Argument& argument : entry.args) {
    const std::string& text = argument.text;
    if (line.path.empty() && text.starts_with(kDefault)) {
      line.otherwise = text.substr(kDefault.size());
    } else if (line.path.empty() && text.starts_with(kSource)) {
      line.source = text.substr(kSource.size());
    } else {
      line.path.push_back(text);
    }
  }
  return line;
}

// Null: there is no database, and it has been said.
std::shared_ptr<const route::Map> make_map(Builder& builder, const Directive& entry,
                                           const std::shared_ptr<const GeoFile>& file) {
  Diagnostics& diagnostics = builder.diagnostics();
  const auto nothing = [] { return std::make_shared<route::Map>(route::Template(), false, false); };
  Line line = read_line(entry);
  if (line.path.empty() || entry.block) {
    diagnostics.error(entry.at, "invalid line of \"geoip2\", " + std::string(kLine));
    return nothing();
  }
  auto source = route::Template::compile(line.source, builder.names());
  if (!source) {
    diagnostics.error(entry.at, source.error() + " (a \"geoip2\" stands before the maps that use it)");
    return nothing();
  }
  if (file == nullptr) return nothing();
  if (line.path[0] == "metadata" && line.path.size() == 2) {
    if (line.path[1] != "build_epoch") {
      diagnostics.error(entry.at, "\"metadata " + line.path[1] + "\" is not supported, \"metadata build_epoch\" is");
      return nothing();
    }
    return std::make_shared<route::Map>(std::move(*source), std::make_shared<route::GeoIpBuilt>(file));
  }
  return std::make_shared<route::Map>(
      std::move(*source), std::make_shared<route::GeoIp>(file, std::move(line.path), std::move(line.otherwise)));
}

// Of its line auto_reload; 0: it has none.
Millis interval_of(Builder& builder, const std::vector<Directive>& block) {
  Millis interval{0};
  for (const Directive& entry : block) {
    if (entry.name != "auto_reload") continue;
    const auto time = entry.args.size() == 1 && !entry.block ? parse_time(entry.arg(0)) : std::nullopt;
    if (time && time->count() > 0)
      interval = *time;
    else
      builder.diagnostics().error(entry.at, "invalid line of \"geoip2\", it is written: auto_reload TIME, like 5m");
  }
  return interval;
}

}  // namespace

void declare_geoip(Builder& builder, const Directive& block) {
  Diagnostics& diagnostics = builder.diagnostics();
  const auto opened = GeoFile::open(builder.absolute(block.arg(0)), interval_of(builder, *block.block));
  if (!opened) diagnostics.error(block.args[0].at, opened.error());
  if (opened && (*opened)->interval().count() > 0) builder.model().geo_files.push_back(*opened);
  for (const Directive& entry : *block.block) {
    if (entry.name == "auto_reload") continue;
    if (!entry.name.starts_with('$') || entry.name.size() < 2) {
      diagnostics.error(entry.at, "invalid variable name \"" + entry.name + "\" in \"geoip2\", " + std::string(kLine));
    } else {
      builder.names().declare_map(lowered(entry.name.substr(1)), make_map(builder, entry, opened ? *opened : nullptr));
    }
  }
}

}  // namespace weir::config
