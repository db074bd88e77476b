#include "base/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"

namespace weir {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Each number of an IPv4 address with its dot, ready to be copied: a request says its client's address three times.
struct Octet {
  char text[4];  // what is behind the dot is overwritten by the next number
  uint8_t size;  // with the dot
};
constexpr std::array<Octet, 256> kOctets = [] {
  std::array<Octet, 256> octets{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    Octet& octet = octets[byte];
    if (byte >= 100) octet.text[octet.size++] = static_cast<char>('0' + byte / 100);
    if (byte >= 10) octet.text[octet.size++] = static_cast<char>('0' + byte / 10 % 10);
    octet.text[octet.size++] = static_cast<char>('0' + byte % 10);
    octet.text[octet.size++] = '.';
  }
  return octets;
}();

// Textual address into network order bytes; the family, or AF_UNSPEC. No zone ids, no leading zeros, no shortened IPv4.
int parse_ip(std::string_view ip, uint8_t* bytes) {
  char text[INET6_ADDRSTRLEN];
  if (ip.empty() || ip.size() >= sizeof text || ip.find('\0') != std::string_view::npos) return AF_UNSPEC;
  std::memcpy(text, ip.data(), ip.size());
  text[ip.size()] = '\0';
  const int family = ip.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  return inet_pton(family, text, bytes) == 1 ? family : AF_UNSPEC;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::from_ip(std::string_view ip, uint16_t port) {
  SocketAddress out;
  const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
  if (bracketed) ip = ip.substr(1, ip.size() - 2);
  const int family = parse_ip(ip, out.bytes_.data());
  if (family == AF_UNSPEC || (bracketed && family != AF_INET6)) return std::nullopt;
  out.family_ = static_cast<uint16_t>(family);
  out.port_ = port;
  return out;
}

SocketAddress SocketAddress::from_unix(std::string_view path) {
  SocketAddress out;
  out.family_ = AF_UNIX;
  std::construct_at(&out.path_, path.empty() ? nullptr : std::make_shared<const std::string>(path));
  return out;
}

SocketAddress SocketAddress::from_sockaddr(const sockaddr* sa, socklen_t length) {
  SocketAddress out;
  if (sa == nullptr || length < sizeof(sa_family_t)) return out;
  switch (sa->sa_family) {
    case AF_INET: {
      sockaddr_in in{};
      if (length < sizeof in) return out;
      std::memcpy(&in, sa, sizeof in);
      std::memcpy(out.bytes_.data(), &in.sin_addr, 4);
      out.port_ = ntohs(in.sin_port);
      break;
    }
    case AF_INET6: {
      sockaddr_in6 in6{};
      if (length < sizeof in6) return out;
      std::memcpy(&in6, sa, sizeof in6);
      std::memcpy(out.bytes_.data(), &in6.sin6_addr, 16);
      out.port_ = ntohs(in6.sin6_port);
      break;
    }
    case AF_UNIX: {
      // The path may fill sun_path without a NUL; a leading NUL is Linux's abstract namespace, where every byte counts.
      sockaddr_un un{};
      std::memcpy(&un, sa, std::min<size_t>(length, sizeof un));
      const size_t most = std::min<size_t>(length, sizeof un);
      const size_t header = offsetof(sockaddr_un, sun_path);
      size_t n = most > header ? most - header : 0;
      if (n > 0 && un.sun_path[0] != '\0') n = strnlen(un.sun_path, n);
      return from_unix({un.sun_path, n});
    }
    default: return out;
  }
  out.family_ = sa->sa_family;
  return out;
}

SocketAddress& SocketAddress::assign_path(const SocketAddress& other) noexcept {
  Path path = other.is_unix() ? other.path_ : nullptr;  // first: `other` may be *this
  if (is_unix()) {
    std::destroy_at(&path_);
    std::construct_at(&bytes_);
  }
  family_ = other.family_;
  port_ = other.port_;
  if (other.is_unix())
    std::construct_at(&path_, std::move(path));
  else
    bytes_ = other.bytes_;
  return *this;
}

std::string_view SocketAddress::address_bytes() const {
  const size_t n = is_ipv4() ? 4 : is_ipv6() ? 16 : 0;
  return {reinterpret_cast<const char*>(bytes_.data()), n};
}

SocketAddress SocketAddress::unmapped() const {
  if (!is_ipv6() || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin())) return *this;
  SocketAddress out;
  out.family_ = AF_INET;
  out.port_ = port_;
  std::copy_n(bytes_.begin() + 12, 4, out.bytes_.begin());
  return out;
}

const std::string& SocketAddress::path() const {
  static const std::string none;
  return is_unix() && path_ != nullptr ? *path_ : none;
}

size_t SocketAddress::write_ip(char* out) const {
  static_assert(kLongestIp == INET6_ADDRSTRLEN);
  if (is_ipv4()) {  // inet_ntop goes through printf
    char* at = out;
    for (size_t i = 0; i < 4; ++i) {
      const Octet& octet = kOctets[bytes_[i]];
      std::memcpy(at, octet.text, sizeof octet.text);
      at += octet.size;
    }
    return static_cast<size_t>(at - out) - 1;
  }
  if (is_unix()) {
    std::memcpy(out, "unix:", 5);
    return 5;
  }
  return is_ipv6() && inet_ntop(AF_INET6, bytes_.data(), out, kLongestIp) != nullptr ? std::strlen(out) : 0;
}

std::string SocketAddress::ip() const {
  char text[kLongestIp];
  return {text, write_ip(text)};
}

std::string SocketAddress::to_string() const {
  switch (family_) {
    case AF_INET: return ip() + ':' + std::to_string(port_);
    case AF_INET6: return '[' + ip() + "]:" + std::to_string(port_);
    case AF_UNIX: return "unix:" + path().substr(0, path().find('\0'));
    default: return {};
  }
}

socklen_t SocketAddress::to_sockaddr(sockaddr_storage& out) const {
  out = {};
  switch (family_) {
    case AF_INET: {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(port_);
      std::memcpy(&in.sin_addr, bytes_.data(), 4);
      std::memcpy(&out, &in, sizeof in);
      return sizeof in;
    }
    case AF_INET6: {
      sockaddr_in6 in6{};
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(port_);
      std::memcpy(&in6.sin6_addr, bytes_.data(), 16);
      std::memcpy(&out, &in6, sizeof in6);
      return sizeof in6;
    }
    case AF_UNIX: {
      if (path().size() > kLongestUnixPath) return 0;  // a truncated path would be another socket
      sockaddr_un un{};
      un.sun_family = AF_UNIX;
      std::memcpy(un.sun_path, path().data(), path().size());
      std::memcpy(&out, &un, sizeof un);
      const bool abstract = !path().empty() && path().front() == '\0';
      const size_t terminator = path().empty() || abstract ? 0 : 1;
      return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path().size() + terminator);
    }
    default: return 0;
  }
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (family_ != other.family_ || port_ != other.port_) return false;
  return is_unix() ? path_ == other.path_ || path() == other.path() : bytes_ == other.bytes_;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  Cidr out;
  if (text == "unix:") {
    out.family_ = AF_UNIX;
    return out;
  }
  const size_t slash = text.find('/');
  out.family_ = parse_ip(text.substr(0, slash), out.bytes_.data());
  if (out.family_ == AF_UNSPEC) return std::nullopt;
  const int most = out.family_ == AF_INET ? 32 : 128;
  out.bits_ = most;
  if (slash != std::string_view::npos) {
    const auto bits = parse_decimal(text.substr(slash + 1));
    if (!bits || *bits > most) return std::nullopt;
    out.bits_ = static_cast<int>(*bits);
  }
  for (int i = 0; i < 16; ++i) {
    const int kept = std::clamp(out.bits_ - i * 8, 0, 8);
    out.bytes_[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return out;
}

bool Cidr::contains(const SocketAddress& address) const {
  // As nginx: an IPv4-mapped address is an IPv4 address, for IPv6 blocks too.
  const SocketAddress plain = address.unmapped();
  if (family_ == AF_UNIX) return plain.is_unix();
  if (family_ == AF_INET ? !plain.is_ipv4() : !plain.is_ipv6()) return false;
  const std::string_view bytes = plain.address_bytes();
  const auto whole = static_cast<size_t>(bits_ / 8);
  if (std::memcmp(bytes.data(), bytes_.data(), whole) != 0) return false;
  const int rest = bits_ % 8;
  if (rest == 0) return true;
  const int mask = (0xff00 >> rest) & 0xff;
  return (static_cast<uint8_t>(bytes[whole]) & mask) == bytes_[whole];
}

std::string Cidr::to_string() const {
  if (family_ == AF_UNIX) return "unix:";
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family_, bytes_.data(), text, sizeof text) == nullptr) return {};
  return bits_ == (family_ == AF_INET ? 32 : 128) ? text : text + ("/" + std::to_string(bits_));
}

}  // namespace weir

// Of configured and resolved addresses, which no client chooses: no keyed hash.
size_t std::hash<weir::SocketAddress>::operator()(const weir::SocketAddress& address) const noexcept {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  if (address.is_unix()) return std::hash<std::string>()(address.path());
  uint64_t halves[2] = {};
  std::memcpy(halves, address.address_bytes().data(), address.address_bytes().size());
  uint64_t h = (halves[0] + address.port()) * kOdd;
  h = (h ^ (h >> 32) ^ halves[1]) * kOdd;
  return h ^ (h >> 32);
}
