// All rows together: lookup, suggestions, and what a call says when it goes wrong.
#include <algorithm>
#include <unordered_map>

#include "config/builder.h"
#include "config/directive.h"
#include "config/fields.h"

namespace weir::config {
namespace {

// Rows by name; a name may have several, for different contexts.
const std::unordered_multimap<std::string_view, const Row*>& index() {
  static const auto* const by_name = [] {
    auto* made = new std::unordered_multimap<std::string_view, const Row*>;
    for (const Row* row : all_rows()) made->emplace(row->name, row);
    return made;
  }();
  return *by_name;
}

}  // namespace

const std::vector<const Row*>& all_rows() {
  static const auto* const all = [] {
    auto* made = new std::vector<const Row*>;
    // One a line, however many there are.
    // clang-format off
    for (const auto rows : {main_rows(),
                            http_block_rows(),
                            match_rows(),
                            map_rows(),
                            upstream_block_rows(),
                            server_block_rows(),
                            location_block_rows(),
                            preset_rows(),
                            server_rows(),
                            tls_rows(),
                            tls_session_rows(),
                            tls_own_rows(),
                            acme_rows(),
                            core_rows(),
                            rewrite_rows(),
                            file_rows(),
                            content_rows(),
                            maintenance_rows(),
                            healthz_rows(),
                            monitor_rows(),
                            access_rows(),
                            compress_rows(),
                            body_rows(),
                            auth_rows(),
                            limit_rows(),
                            limit_except_rows(),
                            referer_rows(),
                            upstream_rows(),
                            sticky_rows(),
                            check_rows(),
                            resolver_rows(),
                            proxy_rows(),
                            buffer_rows(),
                            tls_peer_rows(),
                            proxy_edit_rows(),
                            cache_rows(),
                            header_rows(),
                            log_rows(),
                            otel_rows(),
                            accepted_process_rows(),
                            accepted_rows()})
      // clang-format on
      for (const Row& row : rows) made->push_back(&row);
    return made;
  }();
  return *all;
}

const Row* find_row(std::string_view name, Context context) {
  const auto [begin, end] = index().equal_range(name);
  const Row* any = nullptr;
  for (auto it = begin; it != end; ++it) {
    if ((it->second->contexts & context) != 0) return it->second;
    any = it->second;
  }
  return any;
}

std::string_view suggest_name(std::string_view name, Context context) {
  if (name.size() > 64) return {};
  const int most = std::clamp(static_cast<int>(name.size()) / 3, 1, 3);
  std::string_view best;
  int least = 2 * (most + 1);
  for (const Row* row : all_rows()) {
    // Twice the distance, so that a name that fits here wins over an equally near one that does not.
    const int distance = 2 * edit_distance(name, row->name, most) + ((row->contexts & context) != 0 ? 0 : 1);
    if (distance >= least) continue;
    least = distance;
    best = row->name;
  }
  return best;
}

std::string to_string_of_contexts(uint32_t contexts) {
  static constexpr std::pair<Context, std::string_view> kNames[] = {{kMain, "main"},
                                                                    {kEvents, "events"},
                                                                    {kHttp, "http"},
                                                                    {kServer, "server"},
                                                                    {kLocation, "location"},
                                                                    {kUpstream, "upstream"},
                                                                    {kMatch, "match"},
                                                                    {kIfServer, "if in server"},
                                                                    {kIfLocation, "if in location"},
                                                                    {kLimitExcept, "limit_except"},
                                                                    {kOtelExporter, "otel_exporter"}};
  std::string out;
  for (const auto& [context, name] : kNames)
    if ((contexts & context) != 0) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

void Call::error(std::string text) const {
  builder.diagnostics().error(directive.at, std::move(text));
}
void Call::error_at(size_t i, std::string text) const {
  builder.diagnostics().error(directive.args[i].at, std::move(text));
}
void Call::warning(std::string text) const {
  builder.diagnostics().warning(directive.at, std::move(text));
}
void Call::invalid(size_t i, std::string_view expected) const {
  error_at(i, "invalid value \"" + arg(i) + "\" in \"" + directive.name + "\" directive, it must be " +
                  std::string(expected));
}

std::optional<route::Template> Call::compile(size_t i) const {
  auto compiled = route::Template::compile(arg(i), builder.names());
  if (compiled) return std::move(*compiled);
  error_at(i, std::move(compiled.error()));
  return std::nullopt;
}

std::string print_number(int64_t value) {
  return std::to_string(value);
}
std::string print_time(int64_t value) {
  return format_time(Millis(value));
}

bool in_range(const Call& call, int64_t value, std::string (*print)(int64_t)) {
  const Row& row = call.row;
  if (value >= row.least && value <= row.most) return true;
  call.error_at(
      0, "value " + call.arg(0) + " in \"" + call.directive.name + "\" directive is too " +
             (value < row.least ? "small, the least is " + print(row.least) : "large, the most is " + print(row.most)));
  return false;
}

}  // namespace weir::config
