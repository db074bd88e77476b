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
  call.scope.level->limits.line_bytes = static_cast<size_t>(*size);
  call.scope.level->limits.head_bytes = static_cast<size_t>(*number * *size);
}
std::vector<std::string> show_header_buffers(const Scope& scope) {
  const http::HeadLimits& limits = scope.level->limits;
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

void apply_server_tokens(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "on" && word != "off" && word != "build") return call.invalid(0, "\"on\", \"off\" or \"build\"");
  call.scope.level->location.server_tokens = word != "off";
}

bool is_redirect_target(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("$scheme");
}
bool is_redirect(int64_t status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

void apply_return(Call& call) {
  proxy::ReturnAction action;
  const auto status = parse_decimal(call.arg(0));
  size_t text = 1;
  if (status && *status <= 999) {
    action.status = static_cast<int>(*status);
    action.redirect = call.count() == 2 && is_redirect(*status);
  } else {
    if (call.count() == 2) return call.error_at(0, "invalid return code \"" + call.arg(0) + "\"");
    if (!is_redirect_target(call.arg(0))) return call.error_at(0, "invalid return code \"" + call.arg(0) + "\"");
    action.status = 302;
    action.redirect = true;
    text = 0;
  }
  if (text < call.count()) {
    auto compiled = call.compile(text);
    if (!compiled) return;
    action.text = std::move(*compiled);
    action.has_text = true;
  }
  // nginx takes the first of several.
  if (!call.scope.level->location.returns) call.scope.level->location.returns = std::move(action);
}
std::vector<std::string> show_return(const Scope& scope) {
  const auto& action = scope.level->location.returns;
  if (!action) return {};
  return {std::to_string(action->status) + (action->has_text ? " " + quote_word(action->text.text()) : "")};
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

void apply_set_real_ip_from(Call& call) {
  const auto block = Cidr::parse(call.arg(0));
  if (!block) return call.invalid(0, "an address, a CIDR block or \"unix:\"");
  auto& trusted = call.scope.level->location.real_ip.trusted;
  auto& written = call.scope.level->written.real_ip_from;
  if (call.first) trusted.clear(), written.clear();
  trusted.push_back(*block);
  written.push_back(quote_word(call.arg(0)));
}
std::vector<std::string> show_set_real_ip_from(const Scope& scope) {
  return scope.level->written.real_ip_from;
}

void apply_real_ip_header(Call& call) {
  if (call.arg(0) == "proxy_protocol")
    return call.error_at(0, "the PROXY protocol is known to nginx, but not supported by weir yet");
  apply_text<kLoc, &Location::real_ip, &filter::RealIpOptions::header>(call);
}

constexpr Kind kBlock{"{ ... }", 0, 0, nullptr, nullptr};
constexpr int64_t kFourG = 0xffffffff;

const Row kRows[] = {
    {"server", kHttp, kBlock, "", "", "A virtual server.", Times::kMany, 0, 0, true},
    {"map",
     kHttp,
     {"STRING $VARIABLE { ... }", 2, 2, nullptr, nullptr},
     "",
     "",
     "A variable whose value depends on others: exact text, hostnames, regular expressions, default.",
     Times::kMany,
     0,
     0,
     true},
    {"types", kAnywhere, kBlock, "", "", "Accepted; weir serves no files.", Times::kOnce, 0, 0, true},
    {"location",
     kServer | kLocation,
     {"[= | ~ | ~* | ^~] PATH { ... }", 1, 2, nullptr, nullptr},
     "",
     "",
     "Settings for the paths that match.",
     Times::kMany,
     0,
     0,
     true},
    {"return",
     kServer | kLocation,
     {"CODE [TEXT] | CODE URL | URL", 1, 2, apply_return, show_return},
     "",
     "",
     "Answers at once. 444 closes the connection without an answer.",
     Times::kMany},
    {"error_page",
     kAnywhere,
     {"CODE ... [=[STATUS]] PAGE", 2, -1, apply_error_page, show_error_page},
     "",
     "",
     "The page for statuses: a path, a named location or an address.",
     Times::kMany},
    {"default_type", kAnywhere, kText<kLoc, &Location::default_type>, "text/plain", "text/plain",
     "Content-Type of weir's own answers."},
    {"client_header_timeout", kHttp | kServer, kTime<&Level::header_timeout>, "10s", "60s",
     "For the whole head of a request."},
    {"client_header_buffer_size",
     kHttp | kServer,
     {"SIZE", 1, 1, apply_header_buffer, nullptr},
     "1k",
     "1k",
     "Accepted; heads are limited by large_client_header_buffers alone."},
    {"large_client_header_buffers",
     kHttp | kServer,
     {"NUMBER SIZE", 2, 2, apply_header_buffers, show_header_buffers},
     "4 8k",
     "4 8k",
     "SIZE is the longest line of a head, NUMBER times SIZE the largest head."},
    {"client_max_body_size", kAnywhere, kSize<kLoc, &Location::max_body_bytes>, "100m", "1m",
     "The largest request body, above it 413; 0: no limit."},
    {"client_body_buffer_size", kAnywhere, kSize<kLoc, &Location::body_buffer_bytes>, "64k", "",
     "A body up to this is held whole before a peer is chosen.", Times::kOnce, 0, 16 << 20},
    {"client_body_timeout", kAnywhere, kTime<kLoc, &Location::body_timeout>, "60s", "60s",
     "Between two reads of a request body.", Times::kOnce, 1},
    {"client_body_min_rate", kAnywhere, kSize<kLoc, &Location::body_min_rate>, "240", "0",
     "Bytes a second that a client must send of its body, after 10 s of grace; 0: none."},
    {"send_timeout", kAnywhere, kTime<kLoc, &Location::client_send_timeout>, "60s", "60s",
     "Between two writes to the client.", Times::kOnce, 1},
    {"keepalive_timeout",
     kAnywhere,
     {"TIME [HEADER_TIME]", 1, 2, apply_keepalive_timeout, show_time<kLoc, &Location::keepalive_timeout>},
     "75s",
     "75s",
     "How long an idle client connection stays; 0: no keep-alive."},
    {"keepalive_requests", kAnywhere, kNumber<kLoc, &Location::keepalive_requests>, "10000", "1000",
     "Requests on one client connection.", Times::kOnce, 0, kFourG},
    {"lingering_close",
     kAnywhere,
     {"on | off | always", 1, 1, apply_lingering, show_lingering},
     "on",
     "on",
     "Whether input that was not read is awaited before a close, so that the client sees the answer."},
    {"lingering_time", kAnywhere, kTime<kLoc, &Location::lingering_time>, "30s", "30s",
     "The most that a lingering close takes."},
    {"lingering_timeout", kAnywhere, kTime<kLoc, &Location::lingering_timeout>, "5s", "5s",
     "The longest silence of a lingering close."},
    {"reset_timedout_connection", kAnywhere, kFlag<kLoc, &Location::reset_timedout>, "off", "off",
     "Whether a connection that timed out is closed with RST."},
    {"server_tokens",
     kAnywhere,
     {"on | off | build", 1, 1, apply_server_tokens, show_flag<kLoc, &Location::server_tokens>},
     "off",
     "on",
     "Whether weir's version is named in answers."},
    {"set_real_ip_from",
     kAnywhere,
     {"ADDRESS | CIDR | unix:", 1, 1, apply_set_real_ip_from, show_set_real_ip_from},
     "",
     "",
     "Peers whose word about the client's address is believed.",
     Times::kMany},
    {"real_ip_header",
     kAnywhere,
     {"FIELD", 1, 1, apply_real_ip_header, show_text<kLoc, &Location::real_ip, &filter::RealIpOptions::header>},
     "X-Real-IP",
     "X-Real-IP",
     "The field that holds the client's address."},
    {"real_ip_recursive", kAnywhere, kFlag<kLoc, &Location::real_ip, &filter::RealIpOptions::recursive>, "off", "off",
     "Whether trusted addresses in the field are skipped too."},
};

}  // namespace

std::span<const Row> core_rows() {
  return kRows;
}

}  // namespace weir::config
