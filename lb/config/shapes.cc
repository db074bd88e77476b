// The shapes of directives.
#include "config/shapes.h"

namespace weir::config {
namespace {

template <size_t N>
bool one_of(const std::string_view (&names)[N], std::string_view name) {
  for (const std::string_view each : names)
    if (each == name) return true;
  return false;
}

}  // namespace

bool is_named_block(std::string_view name) {
  static constexpr std::string_view kNames[] = {"upstream",      "location", "map",          "geo",  "geoip2",
                                                "split_clients", "if",       "limit_except", "match"};
  return one_of(kNames, name);
}

bool is_plain_block(std::string_view name) {
  static constexpr std::string_view kNames[] = {"http", "events", "server", "types", "stream", "mail", "otel_exporter"};
  return one_of(kNames, name);
}

bool is_data_block(std::string_view name) {
  static constexpr std::string_view kNames[] = {"map", "geo", "geoip2", "split_clients", "types"};
  return one_of(kNames, name);
}

bool is_flag(std::string_view parent, std::string_view name) {
  if (parent == "map") return name == "hostnames" || name == "volatile";
  if (parent == "geo") return name == "ranges" || name == "proxy_recursive";
  if (!parent.empty()) return false;
  static constexpr std::string_view kNames[] = {"ip_hash",
                                                "least_conn",
                                                "random",
                                                "internal",
                                                "break",
                                                "ntlm",
                                                "stub_status",
                                                "empty_gif",
                                                "flv",
                                                "mp4",
                                                "api",
                                                "health_check",
                                                "f4f",
                                                "hls",
                                                "ssi_types",
                                                "healthz",
                                                "metrics",
                                                "status",
                                                "ssl_certificate_selfsigned",
                                                "ssl_certificate_auto"};
  return one_of(kNames, name);
}

}  // namespace weir::config
