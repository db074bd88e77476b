// maintenance: a location that is closed for a while, with a page, and with an allow list for those who work on it.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using filter::MaintenanceOptions;
using proxy::Location;
constexpr auto kLoc = &Level::location;
constexpr size_t kLargestPage = 1024 * 1024;

struct PageType {
  std::string_view extension, type;
};
constexpr PageType kTypes[] = {{".html", "text/html"},        {".htm", "text/html"}, {".txt", "text/plain"},
                               {".json", "application/json"}, {".xml", "text/xml"},  {".svg", "image/svg+xml"}};

MaintenanceOptions& options_of(const Scope& scope) {
  return scope.level->location.maintenance;
}

void apply_page(Call& call) {
  MaintenanceOptions& options = options_of(call.scope);
  const MaintenanceOptions fresh;
  options.page.clear();
  options.page_file.clear();
  options.type = fresh.type;
  if (call.arg(0) == "off") return;
  if (call.arg(0).empty()) return call.invalid(0, "a file or \"off\"");
  auto text = call.builder.read_file(call.arg(0));
  if (!text) return call.error_at(0, std::move(text.error()));
  if (text->empty()) return call.error_at(0, "the page \"" + call.arg(0) + "\" is empty");
  if (text->size() > kLargestPage) return call.error_at(0, "the page \"" + call.arg(0) + "\" is larger than 1 MB");
  options.page_file = call.arg(0);
  options.page = std::move(*text);
  for (const PageType& each : kTypes)
    if (lowered(options.page_file).ends_with(each.extension)) options.type = each.type;
}
std::vector<std::string> show_page(const Scope& scope) {
  const std::string& file = options_of(scope).page_file;
  return {file.empty() ? "off" : quote_word(file)};
}

void apply_retry_after(Call& call) {
  const auto time = parse_time(call.arg(0));
  if (!time) return call.invalid(0, "a time like 60s, 5m or 1h30m");
  if (!in_range(call, time->count(), print_time)) return;
  options_of(call.scope).retry_after = static_cast<int>((time->count() + 999) / 1000);
}
std::vector<std::string> show_retry_after(const Scope& scope) {
  return {format_time(Millis(1000LL * options_of(scope).retry_after))};
}

void apply_allow(Call& call) {
  auto& allow = options_of(call.scope).allow;
  if (call.first) allow.clear();
  if (call.count() == 1 && call.arg(0) == "off") return;
  for (size_t i = 0; i < call.count(); ++i) {
    const auto block = Cidr::parse(call.arg(i));
    if (block) {
      allow.push_back(*block);
    } else {
      call.invalid(i, "an address, a CIDR block, \"unix:\" or \"off\"");
    }
  }
}
std::vector<std::string> show_allow(const Scope& scope) {
  std::string out;
  for (const Cidr& each : options_of(scope).allow) out += (out.empty() ? "" : " ") + each.to_string();
  return {out.empty() ? "off" : out};
}

const Row kRows[] = {
    {
        .name = "maintenance",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::maintenance, &MaintenanceOptions::on>,
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Answers 503 with a page to all clients but those of maintenance_allow. `weir ctl maintenance` switches "
            "it too.",
    },
    {
        .name = "maintenance_page",
        .contexts = kAnywhere,
        .kind = {.form = "FILE | off", .apply = apply_page, .show = show_page},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "The page, read when the configuration is, of at most 1 MB; its type is that of its extension. off: "
                "weir's own.",
    },
    {
        .name = "maintenance_retry_after",
        .contexts = kAnywhere,
        .kind = {.form = "TIME", .apply = apply_retry_after, .show = show_retry_after},
        .weir_default = "1m",
        .nginx_default = "1m",
        .help = "Retry-After of the page; 0: none.",
        .most = 1000LL * 365 * 86'400,
    },
    {
        .name = "maintenance_allow",
        .contexts = kAnywhere,
        .kind = {.form = "ADDRESS | CIDR | unix: ... | off", .most_args = -1, .apply = apply_allow, .show = show_allow},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Who is served all the same, by the address after real_ip. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> maintenance_rows() {
  return kRows;
}

}  // namespace weir::config
