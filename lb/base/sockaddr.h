// Socket addresses as values: IPv4, IPv6 and unix paths; and CIDR blocks.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace weir {

// 16 bytes of address, port, family; a unix path is kept on the heap and takes the address's place, so that the value
// stays small (an idle session holds one).
class SocketAddress {
 public:
  static constexpr size_t kLongestUnixPath = 107;  // sockaddr_un without its NUL

  SocketAddress() noexcept : bytes_{} {}
  SocketAddress(const SocketAddress& other) noexcept : bytes_{} { *this = other; }
  SocketAddress(SocketAddress&& other) noexcept : bytes_{} { *this = std::move(other); }
  SocketAddress& operator=(const SocketAddress& other) noexcept {
    if (is_unix() || other.is_unix()) return assign_path(other);
    bytes_ = other.bytes_;
    port_ = other.port_;
    family_ = other.family_;
    return *this;
  }
  SocketAddress& operator=(SocketAddress&& other) noexcept { return *this = std::as_const(other); }
  ~SocketAddress() {
    if (is_unix()) std::destroy_at(&path_);
  }
  static std::optional<SocketAddress> from_ip(std::string_view ip, uint16_t port);  // "127.0.0.1", "::1", "[::1]"
  static SocketAddress from_unix(std::string_view path);                            // without the "unix:" prefix
  static SocketAddress from_sockaddr(const sockaddr* sa, socklen_t length);

  bool is_ipv4() const { return family_ == AF_INET; }
  bool is_ipv6() const { return family_ == AF_INET6; }
  bool is_unix() const { return family_ == AF_UNIX; }
  bool empty() const { return family_ == AF_UNSPEC; }
  uint16_t port() const { return port_; }
  void set_port(uint16_t port) { port_ = port; }
  // Network byte order: 4 bytes for IPv4, 16 for IPv6, none for unix.
  std::string_view address_bytes() const;
  // ::ffff:a.b.c.d becomes a.b.c.d.
  SocketAddress unmapped() const;
  const std::string& path() const;

  static constexpr size_t kLongestIp = 46;  // INET6_ADDRSTRLEN
  // ip() into `out`, which has room for kLongestIp; the length, without a NUL.
  size_t write_ip(char* out) const;
  std::string ip() const;         // "10.0.0.1", "2001:db8::1", "unix:"
  std::string to_string() const;  // "10.0.0.1:80", "[2001:db8::1]:80", "unix:/run/app.sock": as nginx prints them
  // The length; 0 when there is no address or a unix path is longer than kLongestUnixPath.
  socklen_t to_sockaddr(sockaddr_storage& out) const;
  bool operator==(const SocketAddress& other) const;

 private:
  SocketAddress& assign_path(const SocketAddress& other) noexcept;

  using Path = std::shared_ptr<const std::string>;  // shared, so that copying a peer's address allocates nothing
  union {
    std::array<uint8_t, 16> bytes_;
    Path path_;  // of AF_UNIX
  };
  uint16_t port_ = 0;
  uint16_t family_ = AF_UNSPEC;
};
static_assert(sizeof(SocketAddress) == 24);

class Cidr {
 public:
  // "10.0.0.0/8", "::1", "unix:"; nullopt when it is neither. Host bits below the mask are ignored, as nginx does (with
  // a warning there).
  static std::optional<Cidr> parse(std::string_view text);
  // An IPv4-mapped IPv6 address is taken as the IPv4 address it holds.
  bool contains(const SocketAddress& address) const;
  // As parse reads it: "10.0.0.0/8", "::1", "unix:"; a whole address without its mask.
  std::string to_string() const;

 private:
  std::array<uint8_t, 16> bytes_{};
  int bits_ = 0;
  int family_ = AF_UNSPEC;
};

}  // namespace weir

template <>
struct std::hash<weir::SocketAddress> {
  size_t operator()(const weir::SocketAddress& address) const noexcept;
};
