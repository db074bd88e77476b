// The text of a proxy_pass in its parts.
#pragma once
#include <cstdint>
#include <string_view>

namespace weir::proxy {

struct PassUrl {
  enum class Scheme : uint8_t { kNone, kHttp, kHttps } scheme = Scheme::kNone;
  std::string_view authority;  // "app", "10.0.0.1:8080", "unix:/run/app.sock"
  std::string_view uri;        // "/x?y", "?y"; empty: none

  uint16_t default_port() const { return scheme == Scheme::kHttps ? 443 : 80; }
  bool is_socket() const { return authority.starts_with("unix:"); }
  // Behind the authority's last colon, where there is a number; else the scheme's.
  uint16_t port() const;
  // Whether a host is there, and what is written as its port is one.
  bool is_valid() const;
  // $proxy_host, as nginx: without the scheme's own port; "localhost" of a socket.
  std::string_view host() const;
};

// Views of `text`. The scheme counts in any case; without one the text begins with the authority.
PassUrl split_pass_url(std::string_view text);

// A host without its port, and an IPv6 address without its brackets.
std::string_view bare_host(std::string_view host);
// The same as TLS asks for it: without the dot that ends an absolute name (RFC 6066, 3).
std::string_view tls_name_of(std::string_view host);

}  // namespace weir::proxy
