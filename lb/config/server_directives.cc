// server{}: the addresses it listens on and the names it answers to.

#include "base/localhost.h"
#include "base/system.h"
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"
#include "route/host_table.h"

namespace weir::config {
namespace {

// As nginx: a name stands for the addresses that it has when the configuration is read.
Result<std::vector<SocketAddress>> addresses_at_port(const Call& call, const std::string& text) {
  using Addresses = std::vector<SocketAddress>;
  if (const auto port = parse_decimal(text)) {  // "80"
    if (*port > 65'535) return Unexpected{"invalid port in \"" + text + "\""};
    return Addresses{*SocketAddress::from_ip("0.0.0.0", static_cast<uint16_t>(*port))};
  }
  std::string spelled = text;
  if (text.starts_with("*:") || text == "*") spelled.replace(0, 1, "0.0.0.0");
  // Port 0 lets the kernel choose, which nothing but a test wants.
  const bool any_port = spelled.ends_with(":0") && spelled.find("::0") == std::string::npos;
  if (any_port) spelled.resize(spelled.size() - 2);
  auto host = parse_host_port(spelled, 80);
  if (!host) return Unexpected{std::move(host.error())};
  if (host->address.empty() && is_localhost(host->host))
    host->address = *SocketAddress::from_ip("127.0.0.1", host->port);
  Addresses out;
  if (!host->address.empty()) {
    out.push_back(host->address);
  } else {
    for (const std::string& each : call.builder.addresses_of(host->host))
      if (const auto address = SocketAddress::from_ip(each, host->port);
          address && std::find(out.begin(), out.end(), *address) == out.end())
        out.push_back(*address);
  }
  if (out.empty()) return Unexpected{"host not found in \"" + text + "\""};
  if (any_port)
    for (SocketAddress& each : out) each.set_port(0);
  return out;
}

// "8000-8003", "10.0.0.1:8000-8003": as nginx, each port from the first to the last.
Result<std::vector<SocketAddress>> addresses_of(const Call& call, const std::string& text) {
  constexpr std::string_view kDigits = "0123456789";
  const size_t dash = text.rfind('-');
  if (dash == std::string::npos || dash == 0 || text.starts_with("unix:")) return addresses_at_port(call, text);
  const size_t before = text.find_last_not_of(kDigits, dash - 1);
  const size_t start = before == std::string::npos ? 0 : before + 1;
  if (start == dash || (start > 0 && text[start - 1] != ':')) return addresses_at_port(call, text);  // a name
  const auto first = parse_decimal(text.substr(start, dash - start));
  const auto last = parse_decimal(text.substr(dash + 1));
  if (!first || !last || *first < 1 || *last > 65'535 || *last < *first)
    return Unexpected{"invalid port range in \"" + text + "\""};
  auto out = addresses_at_port(call, text.substr(0, dash));
  if (!out) return Unexpected{std::move(out.error())};
  const size_t hosts = out->size();
  for (auto port = *first + 1; port <= *last; ++port)
    for (size_t i = 0; i < hosts; ++i) {
      out->push_back((*out)[i]);
      out->back().set_port(static_cast<uint16_t>(port));
    }
  return out;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

void apply_number_option(const Call& call, size_t i, int& into, bool size) {
  const std::string_view value = std::string_view(call.arg(i)).substr(call.arg(i).find('=') + 1);
  const auto number = size ? parse_size(value) : parse_decimal(value);
  if (!number || *number < 1 || *number > INT32_MAX) return call.error_at(i, "invalid value \"" + call.arg(i) + "\"");
  into = static_cast<int>(*number);
}

void apply_switch_option(const Call& call, size_t i, bool& into) {
  const auto on = parse_flag(std::string_view(call.arg(i)).substr(call.arg(i).find('=') + 1));
  if (!on) return call.error_at(i, "invalid value \"" + call.arg(i) + "\", it must be on or off");
  into = *on;
}

// [IDLE]:[INTERVAL]:[COUNT], at least one of them.
void apply_keepalive_times(const Call& call, size_t i, ListenModel& listen) {
  const std::string_view text = std::string_view(call.arg(i)).substr(call.arg(i).find('=') + 1);
  const size_t first = text.find(':'), second = text.find(':', first + 1);
  bool good = second != std::string_view::npos && text.size() > 2;
  const auto seconds = [&good](std::string_view written, int& into) {
    if (written.empty()) return;
    const auto time = parse_time(written);
    good = good && time && time->count() >= 1'000 && time->count() % 1'000 == 0 && time->count() <= 32'767'000;
    if (good) into = static_cast<int>(time->count() / 1'000);
  };
  if (good) {
    seconds(text.substr(0, first), listen.keep_idle);
    seconds(text.substr(first + 1, second - first - 1), listen.keep_interval);
    const std::string_view count = text.substr(second + 1);
    const auto number = parse_decimal(count);
    good = good && (count.empty() || (number && *number >= 1 && *number <= 127));
    if (good && number) listen.keep_count = static_cast<int>(*number);
  }
  if (!good)
    return call.error_at(i, "invalid value \"" + call.arg(i) +
                                "\", it must be on, off or [IDLE]:[INTERVAL]:[COUNT] (up to 32767s, 32767s and 127)");
  listen.so_keepalive = true;
}

// What a unix socket has not, which is a warning.
bool needs_tcp(const Call& call, size_t i, const ListenModel& listen, std::string_view instead) {
  if (!listen.address.is_unix()) return true;
  call.warning("\"" + call.arg(i) + "\" is not for a unix socket: " + std::string(instead));
  return false;
}

constexpr std::string_view kListenParameters[] = {
    "default_server", "default", "proxy_protocol", "backlog",  "rcvbuf",   "sndbuf", "ipv6only",
    "so_keepalive",   "bind",    "reuseport",      "deferred", "fastopen", "ssl",    "http2"};

// True for an option of the socket, of which there can be one set for an address.
bool apply_listen_option(const Call& call, size_t i, ListenModel& listen) {
  const std::string& text = call.arg(i);
  if (text == "default_server" || text == "default") {
    listen.default_server = true;
    return false;
  }
  if (text == "proxy_protocol") {
    listen.proxy_protocol = true;
    return false;
  }
  if (text.starts_with("backlog=")) return apply_number_option(call, i, listen.backlog, false), true;
  if (text.starts_with("rcvbuf=")) return apply_number_option(call, i, listen.receive_buffer, true), true;
  if (text.starts_with("sndbuf=")) return apply_number_option(call, i, listen.send_buffer, true), true;
  if (text.starts_with("ipv6only=")) {
    if (!listen.address.is_ipv6())
      return call.error_at(i, "ipv6only is not supported on addr \"" + listen.written + "\""), true;
    return apply_switch_option(call, i, listen.ipv6_only), true;
  }
  if (text.starts_with("so_keepalive=")) {
    if (text.find(':') == std::string::npos) return apply_switch_option(call, i, listen.so_keepalive), true;
    return apply_keepalive_times(call, i, listen), true;
  }
  // weir binds each address by itself in any case, with a socket for each worker.
  if (text == "bind") return true;
  if (text == "reuseport") return needs_tcp(call, i, listen, "its one socket is shared by all workers"), true;
  if (text == "deferred") return listen.deferred = needs_tcp(call, i, listen, "it has no effect"), true;
  if (text.starts_with("fastopen=")) {
    if (needs_tcp(call, i, listen, "it has no effect")) apply_number_option(call, i, listen.fast_open, false);
    return true;
  }
  if (text == "ssl") {
    listen.ssl = true;
    return false;
  }
  if (text == "http2") {
    call.warning("\"http2\" is not spoken yet: clients of this address are offered HTTP/1.1");
    return false;
  }
  if (is_one_of(text, {"quic", "multipath", "spdy"}) || text.starts_with("setfib=") ||
      text.starts_with("accept_filter=")) {
    call.error_at(i, "\"" + text + "\" is known to nginx, but not supported by weir yet");
    return false;
  }
  const std::string_view name = std::string_view(text).substr(0, text.find('='));
  call.error_at(i, "invalid parameter \"" + text + "\"" + did_you_mean(name, kListenParameters));
  return false;
}

void apply_listen(Call& call) {
  ListenModel listen;
  listen.written = call.arg(0);
  listen.position = call.directive.at.to_string();
  listen.at = call.directive.at;
  const auto addresses = addresses_of(call, call.arg(0));
  if (!addresses) return call.error_at(0, addresses.error() + " of the \"listen\" directive");
  listen.address = addresses->front();
  bool options = false;
  for (size_t i = 1; i < call.count(); ++i) options = apply_listen_option(call, i, listen) || options;
  for (const SocketAddress& address : *addresses) {
    listen.address = address;
    if (listen.proxy_protocol) call.builder.note_proxy_protocol(call.directive.at, listen.address);
    call.builder.add_listen(call, listen, options);
  }
}

std::string keepalive_text(const ListenModel& listen) {
  if (listen.keep_idle == 0 && listen.keep_interval == 0 && listen.keep_count == 0) return "on";
  const auto seconds = [](int value) { return value == 0 ? std::string() : std::to_string(value) + "s"; };
  return seconds(listen.keep_idle) + ":" + seconds(listen.keep_interval) + ":" +
         (listen.keep_count == 0 ? "" : std::to_string(listen.keep_count));
}

std::vector<std::string> show_listen(const Scope& scope) {
  std::vector<std::string> out;
  if (scope.server == nullptr) return out;
  for (const ListenModel& listen : scope.server->listens) {
    std::string line = quote_word(listen.address.to_string());
    if (listen.default_server) line += " default_server";
    if (listen.proxy_protocol) line += " proxy_protocol";
    if (listen.ssl) line += " ssl";
    if (listen.backlog != 0) line += " backlog=" + std::to_string(listen.backlog);
    if (listen.receive_buffer != 0) line += " rcvbuf=" + format_size(listen.receive_buffer);
    if (listen.send_buffer != 0) line += " sndbuf=" + format_size(listen.send_buffer);
    if (!listen.ipv6_only) line += " ipv6only=off";
    if (listen.so_keepalive) line += " so_keepalive=" + keepalive_text(listen);
    if (listen.deferred) line += " deferred";
    if (listen.fast_open != 0) line += " fastopen=" + std::to_string(listen.fast_open);
    out.push_back(line);
  }
  return out;
}

void apply_server_name(Call& call) {
  route::HostTable table;
  std::vector<std::string>& names = call.scope.server->names;
  for (const std::string& known : names) (void)table.add(known, 0);
  for (size_t i = 0; i < call.count(); ++i) {
    std::string name = call.arg(i);
    if (name == "$hostname") name = lowered(host_name());
    if (name.find('/') != std::string::npos && !name.starts_with('~'))
      call.warning("server name \"" + name + "\" has suspicious symbols");
    if (!name.starts_with('~')) name = lowered(name);
    const Status<> added = table.add(name, 0);
    if (!added && !added.error().starts_with("conflicting")) {
      call.error_at(i, added.error());
    } else if (!added) {
      call.warning(added.error() + ", ignored");
    } else {
      names.push_back(std::move(name));
    }
  }
}

std::vector<std::string> show_server_name(const Scope& scope) {
  std::string out;
  for (const std::string& name : scope.server->names) out += (out.empty() ? "" : " ") + quote_word(name);
  return {out};
}

const Row kRows[] = {
    {
        .name = "listen",
        .contexts = kServer,
        .kind = {.form = "ADDRESS[:PORT] | NAME[:PORT] | PORT | unix:PATH [OPTION ...]",
                 .most_args = -1,
                 .apply = apply_listen,
                 .show = show_listen},
        .help = "Where the server is reached; a name stands for all addresses that it has when the configuration is "
                "read, of the IP families that this machine has, localhost for 127.0.0.1 alone. 8000-8003 is each of "
                "these ports.",
        .times = Times::kMany,
    },
    {
        .name = "server_name",
        .contexts = kServer,
        .kind = {.form = "NAME ...", .most_args = -1, .apply = apply_server_name, .show = show_server_name},
        .weir_default = "\"\"",
        .nginx_default = "\"\"",
        .help = "Names: exact, *.wildcard, wildcard.*, .both, ~regular expression.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> server_rows() {
  return kRows;
}

}  // namespace weir::config
