#include "server/first_configuration.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace weir::server {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
// Names that no public CA signs (RFC 2606, RFC 6761, RFC 6762; internal: ICANN).
constexpr std::array<std::string_view, 6> kPrivate = {"localhost", "test", "local", "internal", "invalid", "lan"};

bool holds_only(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(),
                     [more](char c) { return kLetters.find(c) != kLetters.npos || more.find(c) != more.npos; });
}

bool is_port_number(std::string_view digits) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port != 0;
}

bool is_private(std::string_view name) {
  const size_t dot = name.rfind('.');
  const std::string_view last = dot == name.npos ? name : name.substr(dot + 1);
  const bool is_address = last.find_first_not_of("0123456789") == last.npos;
  return dot == name.npos || is_address || std::find(kPrivate.begin(), kPrivate.end(), last) != kPrivate.end();
}

// A word of the configuration: in quotes where it needs them.
std::string word(const std::string& text) {
  if (!text.empty() && holds_only(text, "-_./:@+,~")) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// A line with its comment at a column that all of them share.
std::string line(std::string_view indent, std::string_view text, std::string_view comment) {
  std::string out = std::string(indent) + std::string(text);
  out.resize(std::max(out.size() + 1, size_t{48}), ' ');
  return out + "# " + std::string(comment) + "\n";
}

std::string head(const FirstConfiguration& wanted) {
  const std::string& here = wanted.directory;
  const auto place = [&](const char* packaged, const char* own) {
    return word(wanted.packaged ? packaged : here + own);
  };
  std::string out =
      "# Written by `weir init`. `weir -t` checks it, `weir reload` puts a changed one in force; `weir manual "
      "DIRECTIVE`\n"
      "# explains a line, `weir explain URL` the way of a request. Each of them takes -c FILE.\n\n";
  if (wanted.packaged) out += line("", "user weir;", "runs as this user when root starts it");
  out += line("", "pid " + place("/run/weir/weir.pid", "/weir.pid") + ";", "`weir ctl` finds its socket beside it");
  out += line("", "state_file " + place("/var/lib/weir/state.json", "/weir.state") + ";",
              "drained nodes and maintenance, over a restart");
  out += "error_log " + place("/var/log/weir/error.log", "/error.log") + " notice;\n";
  out += line("", "worker_processes auto;", "a thread for each CPU") + "\nevents {}\n\nhttp {\n";
  out += line("    ", "access_log " + place("/var/log/weir/access.log", "/access.log") + ";", "a line a request");
  if (!wanted.name.empty() && !is_private(wanted.name) && !wanted.packaged)
    out += line("    ", "acme_state " + word(here + "/acme") + ";", "the account and its certificates");
  return out;
}

std::string upstream(const FirstConfiguration& wanted) {
  std::string out =
      "\n    # The nodes, one after the other. Other ways: least_conn; ip_hash; random two;\n    upstream app "
      "{\n";
  if (wanted.nocobase) out += line("        ", "preset nocobase;", "asks each node every 2 s for /api/__health_check");
  for (const std::string& node : wanted.nodes) out += "        server " + word(node) + ";\n";
  if (!wanted.nocobase)
    out += line("        ", "# health_check uri=/health;", "every 2 s; three failures: out; two passes: in");
  out += line("        ", "# sticky cookie node expires=1h;", "a client keeps its node");
  return out + "    }\n";
}

// The redirect of those that come without TLS; the CA asks here too.
std::string redirect(const FirstConfiguration& wanted) {
  const std::string to = wanted.low_ports ? "https://$host$request_uri" : "https://$host:8443$request_uri";
  return "\n    server {\n        listen " + std::string(wanted.low_ports ? "80" : "8080") + ";\n        server_name " +
         wanted.name + ";\n        location / { return 301 " + to + "; }\n    }\n";
}

std::string certificate(const FirstConfiguration& wanted) {
  std::string out = "        server_name " + wanted.name + ";\n";
  if (is_private(wanted.name))
    out += line("        ", "ssl_certificate_selfsigned;", "for a first try: browsers warn of it");
  else
    out +=
        "        # By ACME, from Let's Encrypt, to the terms of which this line agrees; renewed by itself. The name "
        "has to lead\n"
        "        # here, to port 80 or 443.\n"
        "        ssl_certificate_auto;\n";
  out += line("        ", "# ssl_certificate app.pem;", "or one of your own, by these two lines") +
         "        # ssl_certificate_key app.key;\n"
         "        # add_header Strict-Transport-Security max-age=31536000 always;  # once TLS is there to stay\n";
  return out;
}

std::string server(const FirstConfiguration& wanted) {
  const bool tls = !wanted.name.empty();
  std::string out = "\n    server {\n        listen ";
  out += tls ? (wanted.low_ports ? "443 ssl" : "8443 ssl") : (wanted.low_ports ? "80" : "8080");
  out += ";\n" + (tls ? certificate(wanted) : std::string());
  if (wanted.nocobase)
    out +=
        "\n        # Uploads of any size, 600 s for reports, silent WebSockets for an hour, another node when one is "
        "\"maintaining\".\n"
        "        preset nocobase;\n"
        "        gzip on;\n        gzip_vary on;\n"
        "        gzip_types application/json application/javascript text/javascript text/css image/svg+xml;\n";
  out += "\n        location / {\n";
  if (wanted.nodes.empty())
    out +=
        "            # proxy_pass http://10.0.0.1:3000;  # a node instead of the answer below\n"
        "            return 200 \"weir runs: its nodes are still to be named\\n\";\n        }\n";
  else
    out += line("            ", "proxy_pass http://app;", "Host, X-Forwarded-*, WebSockets: all of it is set") +
           "        }\n";
  out +=
      "\n        # For the balancer or the monitoring in front: 503 while weir drains or has no node.\n"
      "        location = /healthz { access_log off; healthz" +
      std::string(wanted.nodes.empty() ? "" : " app") + "; }\n    }\n";
  return out;
}

}  // namespace

Result<std::string> checked_node(const std::string& text, int port) {
  if (text.starts_with("unix:/")) return text;
  const bool bracketed = text.starts_with('[');
  const bool bare_ipv6 = !bracketed && std::count(text.begin(), text.end(), ':') > 1;
  const size_t colon = bare_ipv6 || text.ends_with(']') ? text.npos : text.rfind(':');
  const std::string_view digits = colon == text.npos ? "" : std::string_view(text).substr(colon + 1);
  const bool is_port = colon == text.npos || (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos);
  if (text.empty() || colon == 0 || !is_port || !holds_only(text, bracketed ? ".-_:[]" : ".-_:"))
    return Unexpected{"\"" + text + "\" is no address of a node: HOST, HOST:PORT or unix:/PATH"};
  if (colon != text.npos && !is_port_number(digits))
    return Unexpected{"the port of \"" + text + "\" is none: 1 to 65535"};
  const std::string host = bare_ipv6 ? "[" + text + "]" : text;
  return colon != text.npos || port == 0 ? host : host + ":" + std::to_string(port);
}

Result<std::string> checked_name(const std::string& text) {
  if (text.empty() || !holds_only(text, ".-") || text.front() == '.' || text.front() == '-' || text.back() == '.')
    return Unexpected{"\"" + text + "\" is no name for a certificate: app.example.org"};
  return text;
}

std::string compose(const FirstConfiguration& wanted) {
  std::string out = head(wanted);
  if (!wanted.nodes.empty()) out += upstream(wanted);
  if (!wanted.name.empty()) out += redirect(wanted);
  out += server(wanted);
  if (wanted.packaged) out += "\n    include /etc/weir/conf.d/*.conf;\n";
  return out + "}\n";
}

}  // namespace weir::server
