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
  auto& written = call.scope.level->written.maintenance_allow;
  if (call.first) allow.clear(), written.clear();
  if (call.count() == 1 && call.arg(0) == "off") return;
  for (size_t i = 0; i < call.count(); ++i) {
    const auto block = Cidr::parse(call.arg(i));
    if (!block) {
      call.invalid(i, "an address, a CIDR block, \"unix:\" or \"off\"");
      continue;
    }
    allow.push_back(*block);
    written.push_back(call.arg(i));
  }
}
std::vector<std::string> show_allow(const Scope& scope) {
  std::string out;
  for (const std::string& each : scope.level->written.maintenance_allow)
    out += (out.empty() ? "" : " ") + quote_word(each);
  return {out.empty() ? "off" : out};
}

const Row kRows[] = {
    {"maintenance", kAnywhere, kFlag<kLoc, &Location::maintenance, &MaintenanceOptions::on>, "off", "off",
     "Answers 503 with a page to everybody but those of maintenance_allow. `weir ctl maintenance` switches it too."},
    {"maintenance_page",
     kAnywhere,
     {"FILE | off", 1, 1, apply_page, show_page},
     "off",
     "off",
     "The page, read when the configuration is, of at most 1 MB; its type is that of its extension. off: weir's own."},
    {"maintenance_retry_after",
     kAnywhere,
     {"TIME", 1, 1, apply_retry_after, show_retry_after},
     "1m",
     "1m",
     "What the page's Retry-After says; 0: none.",
     Times::kOnce,
     0,
     1000LL * 365 * 86'400},
    {"maintenance_allow",
     kAnywhere,
     {"ADDRESS | CIDR | unix: ... | off", 1, -1, apply_allow, show_allow},
     "off",
     "off",
     "Who is served all the same, by the address after real_ip. Levels inherit all or nothing.",
     Times::kMany},
};

}  // namespace

std::span<const Row> maintenance_rows() {
  return kRows;
}

}  // namespace weir::config
