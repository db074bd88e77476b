// resolver: who is asked for the addresses of names.
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

constexpr uint16_t kDnsPort = 53;

ResolverOptions& resolver_of(const Scope& scope) {
  return scope.upstream != nullptr ? scope.upstream->resolver : scope.level->resolver;
}

void apply_resolver(Call& call) {
  static constexpr std::string_view kResolverParameters[] = {"valid=", "ipv4=", "ipv6=", "status_zone="};
  ResolverOptions made;
  made.timeout = resolver_of(call.scope).timeout;
  size_t first = 0;
  for (; first < call.count() && call.arg(first).find('=') == std::string::npos; ++first) {
    const auto server = parse_host_port(call.arg(first), kDnsPort);
    if (!server || !(server->address.is_ipv4() || server->address.is_ipv6())) {
      call.invalid(first, "the IP address of a name server, with a port if it is not 53");
    } else {
      made.servers.push_back(server->address.to_string());
    }
  }
  Parameters parameters(call, first, kResolverParameters);
  while (parameters.next()) {
    if (parameters.name() == "valid") {
      if (const auto time = parameters.time(1)) made.valid = *time;
    } else if (parameters.name() == "status_zone") {
      parameters.error("\"status_zone\" is known to nginx, but not supported by weir yet");
    } else if (const auto on = parameters.flag()) {
      (parameters.name() == "ipv4" ? made.ipv4 : made.ipv6) = *on;
    }
  }
  if (!made.ipv4 && !made.ipv6) call.error("\"ipv4\" and \"ipv6\" cannot both be \"off\"");
  resolver_of(call.scope) = std::move(made);
}

std::vector<std::string> show_resolver(const Scope& scope) {
  const ResolverOptions& resolver = resolver_of(scope);
  std::string out;
  for (const std::string& server : resolver.servers) out += " " + quote_word(server);
  if (resolver.valid.count() != 0) out += " valid=" + format_time(resolver.valid);
  if (!resolver.ipv4) out += " ipv4=off";
  if (!resolver.ipv6) out += " ipv6=off";
  if (out.empty()) return {};
  return {out.substr(1)};
}

void apply_resolver_timeout(Call& call) {
  const auto time = parse_time(call.arg(0));
  if (!time) return call.invalid(0, "a time like 60s, 500ms or 1h30m");
  if (in_range(call, time->count(), print_time)) resolver_of(call.scope).timeout = *time;
}
std::vector<std::string> show_resolver_timeout(const Scope& scope) {
  return {format_time(resolver_of(scope).timeout)};
}

const Row kRows[] = {
    {
        .name = "resolver",
        .contexts = kAnywhere | kUpstream,
        .kind = {.form = "[ADDRESS ...] [valid=TIME] [ipv4=on|off] [ipv6=on|off]",
                 .most_args = -1,
                 .apply = apply_resolver,
                 .show = show_resolver},
        .help = "The name servers that are asked for names, else the system's; valid= goes before the TTL of their "
                "answers, and both hold for 1s at least and 1h at most. With it a \"proxy_pass\" with variables "
                "reaches hosts that only a request names, too.",
        .turn = Turn::kNames,
    },
    {
        .name = "resolver_timeout",
        .contexts = kAnywhere | kUpstream,
        .kind = {.form = "TIME", .apply = apply_resolver_timeout, .show = show_resolver_timeout},
        .weir_default = "30s",
        .nginx_default = "30s",
        .help = "How long an answer is waited for.",
        .least = 1,
        .turn = Turn::kNames,
    },
};

}  // namespace

std::span<const Row> resolver_rows() {
  return kRows;
}

}  // namespace weir::config
