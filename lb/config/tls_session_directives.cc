// ssl_session_*: how clients resume.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using io::TlsOptions;
using io::TlsSessionCacheKind;

constexpr int64_t kLeastZone = 32 * 1024;
constexpr int64_t kBuiltinSessions = 20'480;  // OpenSSL's own
constexpr int64_t kBytesOfSession = 512;

void apply_cache(Call& call) {
  TlsOptions& options = call.scope.level->tls.options;
  options.cache = TlsSessionCacheKind::kNone;
  options.cache_zone.clear();
  options.cache_bytes = 0;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& text = call.arg(i);
    if (text == "off" || text == "none") {
      if (call.count() > 1) return call.invalid(i, "off, none or shared:NAME:SIZE");
      options.cache = text == "off" ? TlsSessionCacheKind::kOff : TlsSessionCacheKind::kNone;
    } else if (text == "builtin" || text.starts_with("builtin:")) {
      const auto most = text == "builtin" ? kBuiltinSessions : parse_decimal(text.substr(8)).value_or(0);
      if (most < 1 || most > INT32_MAX) return call.invalid(i, "builtin:NUMBER");
      call.warning("\"builtin\": weir's sessions are all workers', a cache of that many is shared by them");
      if (options.cache == TlsSessionCacheKind::kShared) continue;
      options.cache = TlsSessionCacheKind::kShared;
      options.cache_zone = "builtin";
      options.cache_bytes = std::max(most * kBytesOfSession, kLeastZone);
    } else if (text.starts_with("shared:")) {
      const size_t colon = text.find(':', 7);
      const auto size = colon == std::string::npos ? std::nullopt : parse_size(text.substr(colon + 1));
      if (!size || colon == 7) return call.invalid(i, "shared:NAME:SIZE");
      if (*size < kLeastZone) return call.error_at(i, "session cache \"" + text + "\" is too small, the least is 32k");
      options.cache = TlsSessionCacheKind::kShared;
      options.cache_zone = text.substr(7, colon - 7);
      options.cache_bytes = *size;
    } else {
      return call.invalid(i, "off, none or shared:NAME:SIZE");
    }
  }
}
std::vector<std::string> show_cache(const Scope& scope) {
  const TlsOptions& options = scope.level->tls.options;
  switch (options.cache) {
    case TlsSessionCacheKind::kOff: return {"off"};
    case TlsSessionCacheKind::kNone: return {"none"};
    case TlsSessionCacheKind::kShared: break;
  }
  return {quote_word("shared:" + options.cache_zone + ":" + format_size(options.cache_bytes))};
}

void apply_ticket_key(Call& call) {
  TlsModel& tls = call.scope.level->tls;
  auto& files = tls.options.ticket_key_files;
  if (call.first) files.clear();
  if (call.arg(0).empty()) return call.invalid(0, "a file");
  tls.written[{io::TlsFault::Setting::kTicketKey, files.size()}] = call.directive.args[0].at;
  files.push_back(call.builder.absolute(call.arg(0)));
}
std::vector<std::string> show_ticket_keys(const Scope& scope) {
  std::vector<std::string> out;
  for (const std::string& each : scope.level->tls.options.ticket_key_files) out.push_back(quote_word(each));
  return out;
}

const Row kRows[] = {
    {
        .name = "ssl_session_cache",
        .contexts = kHttp | kServer,
        .kind = {.form = "off | none | shared:NAME:SIZE", .most_args = 2, .apply = apply_cache, .show = show_cache},
        .weir_default = "none",
        .nginx_default = "none",
        .help = "Where sessions are kept for clients that resume by id. Servers of one NAME share it.",
    },
    {
        .name = "ssl_session_tickets",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::tls, &TlsModel::options, &TlsOptions::tickets>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Sessions are given to the client, encrypted; nothing is kept.",
    },
    {
        .name = "ssl_session_ticket_key",
        .contexts = kHttp | kServer,
        .kind = {.form = "FILE", .apply = apply_ticket_key, .show = show_ticket_keys},
        .help =
            "Keys of tickets for a fleet, 48 or 80 bytes; the first encrypts. Without one weir makes its own, a new "
            "one every hour, and forgets them after a day.",
        .times = Times::kMany,
    },
    {
        .name = "ssl_session_timeout",
        .contexts = kHttp | kServer,
        .kind = kTime<&Level::tls, &TlsModel::options, &TlsOptions::session_timeout>,
        .weir_default = "5m",
        .nginx_default = "5m",
        .help = "How long a session may be resumed.",
        .least = 1000,
    },
};

}  // namespace

std::span<const Row> tls_session_rows() {
  return kRows;
}

}  // namespace weir::config
