#include "config/geo_blocks.h"

#include "base/bytes.h"
#include "route/geo.h"
#include "route/split.h"

namespace weir::config {
namespace {

route::Template compile(Builder& builder, std::string_view text, const Position& at) {
  auto compiled = route::Template::compile(text, builder.names());
  if (compiled) return std::move(*compiled);
  builder.diagnostics().error(at, std::move(compiled.error()));
  return {};
}

bool is_word(const Directive& entry, std::string_view name) {
  return entry.name == name && entry.args.empty();
}

// One line of a geo{}, whose first word is a directive's name to the reader.
void add_entry(Builder& builder, route::Geo& geo, const Directive& entry, bool ranges) {
  Diagnostics& diagnostics = builder.diagnostics();
  if (is_word(entry, "ranges")) return;
  if (is_word(entry, "proxy_recursive")) return geo.set_recursive();
  if (entry.args.size() != 1 || entry.block) return diagnostics.error(entry.at, "invalid number of the geo parameters");
  const std::string& value = entry.arg(0);
  if (entry.name == "default") return geo.set_default(value);
  if (entry.name == "proxy") {
    if (const auto added = geo.add_proxy(value); !added) diagnostics.error(entry.args[0].at, added.error());
    return;
  }
  const bool removes = entry.name == "delete";
  const std::string& where = removes ? value : entry.name;
  const Position& at = removes ? entry.args[0].at : entry.at;
  if (ranges) {
    const Status<> done = removes ? geo.remove_range(where) : geo.add_range(where, value);
    if (!done) diagnostics.error(at, done.error());
    return;
  }
  const Result<bool> done = removes ? geo.remove_network(where) : geo.add_network(where, value);
  if (!done) return diagnostics.error(at, done.error());
  if (removes && !*done) diagnostics.warning(at, "no network \"" + where + "\" to delete");
  if (!removes && *done)
    diagnostics.warning(at, "duplicate network \"" + where + "\", its value is now \"" + value + "\"");
}

}  // namespace

std::shared_ptr<const route::Map> make_geo(Builder& builder, const Directive& block) {
  const bool has_source = block.args.size() == 2;
  route::Template source =
      compile(builder, has_source ? block.arg(0) : std::string("$remote_addr"), block.args.front().at);
  auto geo = std::make_shared<route::Geo>();
  geo->set_forwarded(compile(builder, "$http_x_forwarded_for", block.at));
  bool ranges = false;
  for (const Directive& entry : *block.block) {
    ranges = ranges || is_word(entry, "ranges");
    add_entry(builder, *geo, entry, ranges);
  }
  geo->freeze();
  return std::make_shared<route::Map>(std::move(source), std::move(geo));
}

std::shared_ptr<const route::Map> make_split(Builder& builder, const Directive& block) {
  Diagnostics& diagnostics = builder.diagnostics();
  route::Template source = compile(builder, block.arg(0), block.args[0].at);
  auto split = std::make_shared<route::Split>();
  for (const Directive& entry : *block.block) {
    if (entry.args.size() != 1 || entry.block) {
      diagnostics.error(entry.at, "invalid number of the split_clients parameters");
      continue;
    }
    uint32_t hundredths = 0;
    if (entry.name != "*") {
      // "12", "12.5" or "0.25", and a percent sign.
      const std::string_view text = std::string_view(entry.name).substr(0, entry.name.size() - 1);
      const size_t dot = text.find('.');
      std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
      const bool fits = fraction.size() <= 2 && entry.name.ends_with('%');
      fraction.resize(2, '0');
      const auto number = parse_decimal(std::string(text.substr(0, dot)) + fraction);
      if (!fits || !number || *number == 0 || *number > 10'000) {
        diagnostics.error(entry.at, "invalid percent value \"" + entry.name + "\"");
        continue;
      }
      hundredths = static_cast<uint32_t>(*number);
    }
    if (!split->add(hundredths, entry.arg(0))) {
      diagnostics.error(entry.at, "percent total is greater than 100%");
      break;
    }
  }
  return std::make_shared<route::Map>(std::move(source), std::move(split));
}

}  // namespace weir::config
