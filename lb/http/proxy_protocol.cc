#include "http/proxy_protocol.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"

namespace weir::http {
namespace {

using namespace std::string_view_literals;
using Read = ProxyHeaderRead;

constexpr std::string_view kV1 = "PROXY ";
constexpr size_t kMostV1 = 107;  // CR and LF included
constexpr std::string_view kV2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kV2Head = 16;
constexpr std::string_view kUnknownV1 = "PROXY UNKNOWN\r\n";
constexpr std::string_view kLocalV2 = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"sv;
constexpr std::string_view kUnknownV2 = "\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"sv;

constexpr uint8_t kCrc32c = 0x03, kSsl = 0x20;
constexpr size_t kTlvHead = 3, kSslHead = 5;
// Beside a type, in the number of a TLV.
constexpr int kInsideSsl = 0x100, kSslVerify = 0x200;

Read invalid(std::string_view why) {
  return {Read::State::kInvalid, 0, false, why};
}
Read done(size_t size, bool announces) {
  return {Read::State::kDone, size, announces, {}};
}

uint8_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}
size_t number16(std::string_view bytes, size_t at) {
  return static_cast<size_t>(byte_at(bytes, at)) << 8 | byte_at(bytes, at + 1);
}
uint32_t number32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(number16(bytes, at) << 16 | number16(bytes, at + 2));
}

// --- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"

std::optional<SocketAddress> address_v1(std::string_view ip, std::string_view port, bool ipv6) {
  const auto number = parse_decimal(port);
  if (!number || *number > 65'535 || port.size() > 5 || ip.starts_with('[')) return std::nullopt;
  const auto address = SocketAddress::from_ip(ip, static_cast<uint16_t>(*number));
  if (!address || (ipv6 ? !address->is_ipv6() : !address->is_ipv4())) return std::nullopt;
  return address->unmapped();
}

Read read_v1(std::string_view bytes, ProxyHeader& into) {
  const size_t end = bytes.substr(0, kMostV1).find("\r\n");
  if (end == std::string_view::npos)
    return bytes.size() < kMostV1 ? Read{} : invalid("a line of PROXY protocol 1 is longer than 107 bytes");
  const std::string_view line = bytes.substr(kV1.size(), end - kV1.size());
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return done(end + 2, false);
  std::array<std::string_view, 5> words;  // "TCP4", source, destination, and their ports
  size_t count = 0, at = 0;
  for (; count < words.size() && at <= line.size(); ++count) {
    const size_t blank = std::min(line.find(' ', at), line.size());
    words[count] = line.substr(at, blank - at);
    at = blank + 1;
  }
  const bool ipv6 = words[0] == "TCP6";
  if (count < words.size() || at <= line.size() || (!ipv6 && words[0] != "TCP4"))
    return invalid("a line of PROXY protocol 1 is malformed");
  const auto source = address_v1(words[1], words[3], ipv6);
  const auto destination = address_v1(words[2], words[4], ipv6);
  if (!source || !destination) return invalid("a line of PROXY protocol 1 has an invalid address or port");
  into = {*source, *destination, {}};
  return done(end + 2, true);
}

// --- version 2

// Calls fn(type, value) until it says false. False: the list is broken.
template <class Fn>
bool each_tlv(std::string_view tlvs, Fn&& fn) {
  while (!tlvs.empty()) {
    if (tlvs.size() < kTlvHead || tlvs.size() - kTlvHead < number16(tlvs, 1)) return false;
    const std::string_view value = tlvs.substr(kTlvHead, number16(tlvs, 1));
    if (!fn(byte_at(tlvs, 0), value)) return true;
    tlvs.remove_prefix(kTlvHead + value.size());
  }
  return true;
}

std::optional<std::string_view> find_tlv(std::string_view tlvs, int type) {
  std::optional<std::string_view> found;
  each_tlv(tlvs, [&](uint8_t each, std::string_view value) {
    if (each == type) found = value;
    return !found;
  });
  return found;
}

// CRC-32C (Castagnoli, RFC 3720 B.4) of the header, its own four bytes taken as zeros.
uint32_t checksum(std::string_view header, size_t own) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < header.size(); ++i) {
    crc ^= i >= own && i < own + 4 ? 0U : byte_at(header, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

bool has_good_checksum(std::string_view header, std::string_view tlvs) {
  const auto crc = find_tlv(tlvs, kCrc32c);
  if (!crc) return true;
  return crc->size() == 4 && number32(*crc, 0) == checksum(header, static_cast<size_t>(crc->data() - header.data()));
}

SocketAddress address_v2(std::string_view ip, size_t port) {
  sockaddr_storage storage{};
  if (ip.size() == 4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    std::copy(ip.begin(), ip.end(), reinterpret_cast<char*>(&v4.sin_addr));
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    std::copy(ip.begin(), ip.end(), reinterpret_cast<char*>(&v6.sin6_addr));
  }
  SocketAddress address = SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage),
                                                       ip.size() == 4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  address.set_port(static_cast<uint16_t>(port));
  return address.unmapped();
}

Read read_v2(std::string_view bytes, ProxyHeader& into) {
  if (bytes.size() < kV2Head) return {};
  const uint8_t version = byte_at(bytes, 12), family = byte_at(bytes, 13);
  const size_t length = number16(bytes, 14);
  if (version >> 4 != 2) return invalid("a PROXY header has an unknown version");
  if ((version & 15) > 1) return invalid("a PROXY header has an unknown command");
  if (length > kMostProxyV2) return invalid("a PROXY header is longer than 4 KB");
  if (bytes.size() - kV2Head < length) return {};
  const std::string_view header = bytes.substr(0, kV2Head + length);
  if ((version & 15) == 0) return done(header.size(), false);  // LOCAL: what it says is not looked at
  if (family >> 4 > 3 || (family & 15) > 2) return invalid("a PROXY header has an unknown address family");
  if (family != 0x11 && family != 0x21) return done(header.size(), false);  // unix, UDP, nothing
  const size_t ip = family == 0x11 ? 4 : 16;
  if (length < 2 * ip + 4) return invalid("a PROXY header is too short for its addresses");
  const std::string_view said = header.substr(kV2Head);
  const std::string_view tlvs = said.substr(2 * ip + 4);
  if (!each_tlv(tlvs, [](uint8_t, std::string_view) { return true; }))
    return invalid("a PROXY header has a broken TLV");
  if (!has_good_checksum(header, tlvs)) return invalid("a PROXY header has a wrong checksum");
  into.source = address_v2(said.substr(0, ip), number16(said, 2 * ip));
  into.destination = address_v2(said.substr(ip, ip), number16(said, 2 * ip + 2));
  into.tlvs = tlvs;
  return done(header.size(), true);
}

void put16(std::string& out, size_t number) {
  out += static_cast<char>(number >> 8 & 0xff);
  out += static_cast<char>(number & 0xff);
}

// 4 or 16 bytes in network order.
std::string bytes_of(const SocketAddress& address, bool ipv6) {
  std::string bytes;
  if (ipv6 && address.is_ipv4()) bytes.append("\0\0\0\0\0\0\0\0\0\0\xff\xff"sv);
  return bytes.append(address.address_bytes());
}

}  // namespace

ProxyHeaderRead read_proxy_header(std::string_view bytes, ProxyHeader& into) {
  if (bytes.substr(0, kV1.size()) == kV1.substr(0, bytes.size()))
    return bytes.size() < kV1.size() ? Read{} : read_v1(bytes, into);
  if (bytes.substr(0, kV2.size()) == kV2.substr(0, bytes.size())) return read_v2(bytes, into);
  return invalid("it does not begin with a PROXY header");
}

std::optional<int> proxy_tlv(std::string_view name) {
  struct Known {
    std::string_view name;
    int number;
  };
  static constexpr Known kKnown[] = {
      {"alpn", 0x01},
      {"authority", 0x02},
      {"unique_id", 0x05},
      {"ssl", kSsl},
      {"netns", 0x30},
      {"ssl_verify", kSslVerify},
      {"ssl_version", kInsideSsl | 0x21},
      {"ssl_cn", kInsideSsl | 0x22},
      {"ssl_cipher", kInsideSsl | 0x23},
      {"ssl_sig_alg", kInsideSsl | 0x24},
      {"ssl_key_alg", kInsideSsl | 0x25},
  };
  for (const Known& each : kKnown)
    if (each.name == name) return each.number;
  const bool inside = name.starts_with("ssl_");
  if (inside) name.remove_prefix(4);
  if (!name.starts_with("0x")) return std::nullopt;
  name.remove_prefix(2);
  int type = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), type, 16);
  if (error != std::errc() || end != name.data() + name.size() || type < 0 || type > 255) return std::nullopt;
  return type | (inside ? kInsideSsl : 0);
}

std::optional<std::string_view> ProxyHeader::tlv(int number, Arena& arena) const {
  if (number < kInsideSsl) return find_tlv(tlvs, number);
  const auto ssl = find_tlv(tlvs, kSsl);
  if (!ssl || ssl->size() < kSslHead) return std::nullopt;
  if (number != kSslVerify) return find_tlv(ssl->substr(kSslHead), number & 0xff);
  char* text = arena.allocate(10);
  const char* end = std::to_chars(text, text + 10, number32(*ssl, 1)).ptr;
  return std::string_view(text, static_cast<size_t>(end - text));
}

std::string_view proxy_header(ProxyProtocol version, const SocketAddress& source, const SocketAddress& destination,
                              Arena& arena) {
  const auto is_ip = [](const SocketAddress& each) { return each.is_ipv4() || each.is_ipv6(); };
  const bool known = is_ip(source) && is_ip(destination);
  if (!known) return version == ProxyProtocol::kV1 ? kUnknownV1 : kUnknownV2;
  const bool ipv6 = source.is_ipv6() || destination.is_ipv6();
  if (version == ProxyProtocol::kV1) {
    const auto text = [&](const SocketAddress& each) {
      return ipv6 && each.is_ipv4() ? "::ffff:" + each.ip() : each.ip();
    };
    return arena.concat({ipv6 ? "PROXY TCP6 " : "PROXY TCP4 ", text(source), " ", text(destination), " ",
                         std::to_string(source.port()), " ", std::to_string(destination.port()), "\r\n"});
  }
  std::string header(kV2);
  header += "\x21";
  header += ipv6 ? "\x21" : "\x11";
  put16(header, ipv6 ? 36 : 12);
  header += bytes_of(source, ipv6) + bytes_of(destination, ipv6);
  put16(header, source.port());
  put16(header, destination.port());
  return arena.copy(header);
}

std::string_view local_proxy_header(ProxyProtocol version) {
  switch (version) {
    case ProxyProtocol::kOff: break;
    case ProxyProtocol::kV1: return kUnknownV1;
    case ProxyProtocol::kV2: return kLocalV2;
  }
  return {};
}

}  // namespace weir::http
