#include "proxy/pass_url.h"

#include "base/bytes.h"

namespace weir::proxy {
namespace {

// Of "a:1", "[::1]:1" and not of "::1": where the port's colon is; npos without one.
size_t port_colon(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos)
    return std::string_view::npos;
  const bool is_bare_ipv6 = !authority.starts_with('[') && authority.find(':') != colon;
  return is_bare_ipv6 ? std::string_view::npos : colon;
}

}  // namespace

uint16_t PassUrl::port() const {
  const size_t colon = is_socket() ? std::string_view::npos : port_colon(authority);
  const auto port = colon == std::string_view::npos ? std::nullopt : parse_decimal(authority.substr(colon + 1));
  return port && *port > 0 && *port <= 65'535 ? static_cast<uint16_t>(*port) : default_port();
}

std::string_view PassUrl::host() const {
  if (is_socket()) return "localhost";
  const size_t colon = port_colon(authority);
  return colon != std::string_view::npos && port() == default_port() ? authority.substr(0, colon) : authority;
}

bool PassUrl::is_valid() const {
  if (is_socket()) return authority.size() > 5;
  const size_t colon = port_colon(authority);
  if (colon == std::string_view::npos) return !authority.empty();
  const auto port = parse_decimal(authority.substr(colon + 1));
  return colon > 0 && port && *port > 0 && *port <= 65'535;
}

std::string_view tls_name_of(std::string_view host) {
  host = bare_host(host);
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return host;
}

std::string_view bare_host(std::string_view host) {
  host = host.substr(0, port_colon(host));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

PassUrl split_pass_url(std::string_view text) {
  PassUrl url;
  if (iequals(text.substr(0, 7), "http://")) {
    url.scheme = PassUrl::Scheme::kHttp;
    text.remove_prefix(7);
  } else if (iequals(text.substr(0, 8), "https://")) {
    url.scheme = PassUrl::Scheme::kHttps;
    text.remove_prefix(8);
  }
  const bool is_socket = text.starts_with("unix:");
  const size_t cut = is_socket ? text.find(':', 5) : text.find_first_of("/?#");
  url.authority = text.substr(0, cut);
  if (cut != std::string_view::npos) url.uri = text.substr(is_socket ? cut + 1 : cut);
  return url;
}

}  // namespace weir::proxy
