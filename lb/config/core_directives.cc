// What http{}, server{} and location{} say about clients.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using proxy::Location;
constexpr auto kLoc = &Level::location;

void apply_header_buffers(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number < 1 || *number > 1024) return call.invalid(0, "a number from 1 to 1024");
  const auto size = parse_size(call.arg(1));
  if (!size || *size < 256 || *size > (1 << 20)) return call.invalid(1, "a size from 256 to 1m");
  call.scope.level->server.limits.line_bytes = static_cast<size_t>(*size);
  call.scope.level->server.limits.head_bytes = static_cast<size_t>(*number * *size);
}
std::vector<std::string> show_header_buffers(const Scope& scope) {
  const http::HeadLimits& limits = scope.level->server.limits;
  return {std::to_string(limits.head_bytes / limits.line_bytes) + " " +
          format_size(static_cast<int64_t>(limits.line_bytes))};
}

void apply_header_buffer(Call& call) {
  if (!parse_size(call.arg(0))) call.invalid(0, "a size like 1k");
}

void apply_keepalive_timeout(Call& call) {
  apply_time<kLoc, &Location::keepalive_timeout>(call);
  if (call.count() < 2) return;
  if (!parse_time(call.arg(1))) return call.invalid(1, "a time like 60s");
  call.warning("weir sends no \"Keep-Alive\" header: the second time has no effect");
}

void apply_lingering(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "on" && word != "off" && word != "always") return call.invalid(0, "\"on\", \"off\" or \"always\"");
  call.scope.level->location.lingering = word != "off";
}
std::vector<std::string> show_lingering(const Scope& scope) {
  return {format_flag(scope.level->location.lingering)};
}

void apply_internal(Call& call) {
  call.scope.level->location.internal = true;
}
// Named ones are internal anyway.
std::vector<std::string> show_internal(const Scope& scope) {
  if (scope.location == nullptr || !scope.level->location.internal) return {};
  if (scope.location->kind == route::LocationKind::kNamed) return {};
  return {""};
}

void apply_server_tokens(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "on" && word != "off" && word != "build") return call.invalid(0, "\"on\", \"off\" or \"build\"");
  call.scope.level->location.server_tokens = word != "off";
}

void apply_error_page(Call& call) {
  proxy::ErrorPage page;
  const size_t last = call.count() - 1;
  size_t codes = last;
  if (call.arg(last - 1).starts_with('=')) {
    codes = last - 1;
    const std::string_view text = std::string_view(call.arg(codes)).substr(1);
    const auto status = parse_decimal(text);
    if (!text.empty() && (!status || *status > 999))
      return call.error_at(codes, "invalid value \"" + call.arg(codes) + "\"");
    page.overwrite = text.empty() ? 0 : static_cast<int>(*status);
  }
  if (codes == 0) return call.error("\"error_page\" needs a status before its page");
  for (size_t i = 0; i < codes; ++i) {
    const auto status = parse_decimal(call.arg(i));
    if (!status || *status < 300 || *status > 599 || *status == 499)
      return call.invalid(i, "a status from 300 to 599, 499 excepted");
    page.statuses.push_back(static_cast<int>(*status));
  }
  if (call.arg(last).empty()) return call.invalid(last, "a page");
  auto target = call.compile(last);
  if (!target) return;
  page.target = std::move(*target);
  auto& pages = call.scope.level->location.error_pages;
  if (call.first) pages.clear();
  pages.push_back(std::move(page));
}
std::vector<std::string> show_error_page(const Scope& scope) {
  std::vector<std::string> out;
  for (const proxy::ErrorPage& page : scope.level->location.error_pages) {
    std::string line;
    for (const int status : page.statuses) line += std::to_string(status) + " ";
    if (page.overwrite >= 0) line += "=" + (page.overwrite == 0 ? "" : std::to_string(page.overwrite)) + " ";
    out.push_back(line + quote_word(page.target.text()));
  }
  return out;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() < 256 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  }) && !std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

// As nginx: a name stands for the addresses that it has when the configuration is read.
void apply_set_real_ip_from(Call& call) {
  call.builder.note_trust();
  auto& trusted = call.scope.level->location.real_ip.trusted;
  if (call.first) trusted.clear();
  if (const auto block = Cidr::parse(call.arg(0))) {
    trusted.push_back(*block);
    return;
  }
  const std::string& name = call.arg(0);
  if (!is_host_name(name)) return call.invalid(0, "an address, a CIDR block, \"unix:\" or a host name");
  const std::vector<std::string> addresses = call.builder.addresses_of(name);
  if (addresses.empty()) call.error_at(0, "host not found in \"set_real_ip_from " + name + "\"");
  for (const std::string& each : addresses)
    if (const auto block = Cidr::parse(each)) trusted.push_back(*block);
}
std::vector<std::string> show_set_real_ip_from(const Scope& scope) {
  std::vector<std::string> out;
  for (const Cidr& each : scope.level->location.real_ip.trusted) out.push_back(each.to_string());
  return out;
}

void open_types(Call& call) {
  auto& types = call.scope.level->location.types;
  auto made = std::make_shared<http::MimeTypes>();
  if (!call.first) *made = *types;
  for (const Directive& each : *call.directive.block) {
    if (each.block) call.builder.diagnostics().error(each.at, "unexpected block in \"types\"");
    for (const Argument& extension : each.args) {
      const std::string_view before = made->find("." + extension.text);
      if (!before.empty() && before != each.name)
        call.builder.diagnostics().warning(
            extension.at, "duplicate extension \"" + extension.text + "\", the type is now \"" + each.name + "\"");
      made->add(extension.text, each.name);
    }
  }
  types = std::move(made);
}

constexpr int64_t kFourG = 0xffffffff;

const Row kRows[] = {
    {
        .name = "types",
        .contexts = kAnywhere,
        .kind = {.form = "{ ... }", .least_args = 0, .most_args = 0},
        .help = "Content-Type of weir's own texts by the extension of the path, before default_type. Unless written: "
                "html, gif and jpg. A missing file mime.types is built in.",
        .times = Times::kMany,
        .open = open_types,
    },
    {
        .name = "error_page",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "CODE ... [=[STATUS]] PAGE",
                 .least_args = 2,
                 .most_args = -1,
                 .apply = apply_error_page,
                 .show = show_error_page},
        .help = "The page for statuses: a path, a named location or an address.",
        .times = Times::kMany,
    },
    {
        .name = "default_type",
        .contexts = kAnywhere,
        .kind = kText<kLoc, &Location::default_type>,
        .weir_default = "text/plain",
        .nginx_default = "text/plain",
        .help = "Content-Type of weir's own texts, for a path without an extension of types.",
    },
    {
        .name = "absolute_redirect",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::absolute_redirect>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether weir's own redirects to a path name the scheme and the host.",
    },
    {
        .name = "port_in_redirect",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::port_in_redirect>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether they name the port that the client wrote, too.",
    },
    {
        .name = "server_name_in_redirect",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::server_name_in_redirect>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether they name the first server_name, and not the host that the client asked for.",
    },
    {
        .name = "internal",
        .contexts = kLocation,
        .kind = {.form = "", .least_args = 0, .most_args = 0, .apply = apply_internal, .show = show_internal},
        .help = "The location is for internal redirects only, like that of an error_page; clients get 404.",
    },
    {
        .name = "recursive_error_pages",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::recursive_error_pages>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a page of error_page that fails itself gets a page of its own, ten times at most.",
    },
    {
        .name = "client_header_timeout",
        .contexts = kHttp | kServer,
        .kind = kTime<&Level::server, &proxy::ServerSettings::header_timeout>,
        .weir_default = "10s",
        .nginx_default = "60s",
        .help = "For the whole head of a request.",
    },
    {
        .name = "underscores_in_headers",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::server, &proxy::ServerSettings::underscores_in_names>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether fields of requests with \"_\" in their names reach peers. Where it is on, peers that make "
                "variables of names confuse X_Real_IP with X-Real-IP.",
    },
    {
        .name = "client_header_buffer_size",
        .contexts = kHttp | kServer,
        .kind = {.form = "SIZE", .apply = apply_header_buffer},
        .weir_default = "1k",
        .nginx_default = "1k",
        .help = "Accepted; heads are limited by large_client_header_buffers alone.",
    },
    {
        .name = "large_client_header_buffers",
        .contexts = kHttp | kServer,
        .kind = {.form = "NUMBER SIZE",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_header_buffers,
                 .show = show_header_buffers},
        .weir_default = "4 8k",
        .nginx_default = "4 8k",
        .help = "SIZE is the longest line of a head, NUMBER times SIZE the largest head.",
    },
    {
        .name = "max_headers",
        .contexts = kHttp | kServer,
        .kind = kNumber<&Level::server, &proxy::ServerSettings::limits, &http::HeadLimits::fields>,
        .weir_default = "100",
        .nginx_default = "1000",
        .help = "The most fields of a request, above it 431.",
        .least = 1,
        .most = http::FieldList::kMostReceived,
    },
    {
        .name = "accept_bare_lf",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::server, &proxy::ServerSettings::limits, &http::HeadLimits::bare_lf>,
        .weir_default = "off",
        .nginx_default = "on",
        .help =
            "Whether a line of a request's head may end in LF alone; heads are always sent with CRLF. Chunks may not. "
            "A proxy in front that reads such heads in another way lets requests be smuggled.",
    },
    {
        .name = "client_max_body_size",
        .contexts = kAnywhere,
        .kind = kSize<kLoc, &Location::max_body_bytes>,
        .weir_default = "100m",
        .nginx_default = "1m",
        .help = "The largest request body, above it 413; 0: no limit.",
    },
    {
        .name = "client_body_buffer_size",
        .contexts = kAnywhere,
        .kind = kSize<kLoc, &Location::body_buffer_bytes>,
        .weir_default = "64k",
        .help = "A body up to this is held whole before a peer is chosen.",
        .most = 16 << 20,
    },
    {
        .name = "client_body_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::body_timeout>,
        .weir_default = "60s",
        .nginx_default = "60s",
        .help = "Between two reads of a request body.",
        .least = 1,
    },
    {
        .name = "client_body_min_rate",
        .contexts = kAnywhere,
        .kind = kSize<kLoc, &Location::body_min_rate>,
        .weir_default = "240",
        .nginx_default = "0",
        .help = "Bytes a second that a client must send of its body, after 10 s of grace; 0: none.",
    },
    {
        .name = "send_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::client_send_timeout>,
        .weir_default = "60s",
        .nginx_default = "60s",
        .help = "Between two writes to the client.",
        .least = 1,
    },
    {
        .name = "keepalive_timeout",
        .contexts = kAnywhere,
        .kind = {.form = "TIME [HEADER_TIME]",
                 .most_args = 2,
                 .apply = apply_keepalive_timeout,
                 .show = show_time<kLoc, &Location::keepalive_timeout>},
        .weir_default = "75s",
        .nginx_default = "75s",
        .help = "How long an idle client connection stays; 0: no keep-alive.",
    },
    {
        .name = "keepalive_time",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::keepalive_time>,
        .weir_default = "1h",
        .nginx_default = "1h",
        .help = "The greatest age of a client connection that takes another request.",
    },
    {
        .name = "keepalive_requests",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, &Location::keepalive_requests>,
        .weir_default = "10000",
        .nginx_default = "1000",
        .help = "Requests on one client connection.",
        .most = kFourG,
    },
    {
        .name = "lingering_close",
        .contexts = kAnywhere,
        .kind = {.form = "on | off | always", .apply = apply_lingering, .show = show_lingering},
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether input that was not read is awaited before a close, so that the client sees the answer.",
    },
    {
        .name = "lingering_time",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::lingering_time>,
        .weir_default = "30s",
        .nginx_default = "30s",
        .help = "The most that a lingering close takes.",
    },
    {
        .name = "lingering_timeout",
        .contexts = kAnywhere,
        .kind = kTime<kLoc, &Location::lingering_timeout>,
        .weir_default = "5s",
        .nginx_default = "5s",
        .help = "The longest silence of a lingering close.",
    },
    {
        .name = "reset_timedout_connection",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::reset_timedout>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a connection that timed out is closed with RST.",
    },
    {
        .name = "server_tokens",
        .contexts = kAnywhere,
        .kind = {.form = "on | off | build",
                 .apply = apply_server_tokens,
                 .show = show_flag<kLoc, &Location::server_tokens>},
        .weir_default = "off",
        .nginx_default = "on",
        .help = "Whether weir's version is named in answers.",
    },
    {
        .name = "set_real_ip_from",
        .contexts = kAnywhere,
        .kind = {.form = "ADDRESS | CIDR | NAME | unix:",
                 .apply = apply_set_real_ip_from,
                 .show = show_set_real_ip_from},
        .help = "Proxies trusted for the address of the client.",
        .times = Times::kMany,
    },
    {
        .name = "real_ip_header",
        .contexts = kAnywhere,
        .kind = {.form = "FIELD | proxy_protocol",
                 .apply = apply_text<kLoc, &Location::real_ip, &filter::RealIpOptions::header>,
                 .show = show_text<kLoc, &Location::real_ip, &filter::RealIpOptions::header>},
        .weir_default = "X-Real-IP",
        .nginx_default = "X-Real-IP",
        .help = "What holds the client's address: a field, or the PROXY header of `listen ... proxy_protocol`.",
    },
    {
        .name = "real_ip_recursive",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, &Location::real_ip, &filter::RealIpOptions::recursive>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether trusted addresses in the field are skipped too.",
    },
};

}  // namespace

std::span<const Row> core_rows() {
  return kRows;
}

}  // namespace weir::config
