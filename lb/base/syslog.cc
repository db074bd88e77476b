#include "base/syslog.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/bytes.h"
#include "base/localhost.h"
#include "base/system.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 24> kFacilities = {"kern",   "user",   "mail",   "daemon", "auth",     "intern",
                                                          "lpr",    "news",   "uucp",   "clock",  "authpriv", "ftp",
                                                          "ntp",    "audit",  "alert",  "cron",   "local0",   "local1",
                                                          "local2", "local3", "local4", "local5", "local6",   "local7"};
constexpr std::array<std::string_view, 8> kSeverities = {"emerg", "alert",  "crit", "error",
                                                         "warn",  "notice", "info", "debug"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

template <size_t N>
int index_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

Result<SocketAddress> resolve(std::string_view server) {
  if (server.starts_with("unix:")) {
    const std::string_view path = server.substr(5);
    if (path.empty() || path.size() > SocketAddress::kLongestUnixPath)
      return Unexpected{"invalid unix path in syslog server \"" + std::string(server) + "\""};
    return SocketAddress::from_unix(path);
  }
  std::string_view host = server;
  uint16_t port = 514;
  const size_t colon = server.rfind(':');
  if (colon != std::string_view::npos && server.find(']', colon) == std::string_view::npos) {
    const auto number = parse_decimal(server.substr(colon + 1));
    if (!number || *number < 1 || *number > 65535)
      return Unexpected{"invalid port in syslog server \"" + std::string(server) + "\""};
    port = static_cast<uint16_t>(*number);
    host = server.substr(0, colon);
  }
  if (auto address = SocketAddress::from_ip(host, port)) return std::move(*address);
  if (is_localhost(host)) return *SocketAddress::from_ip("127.0.0.1", port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int rc = getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found);
  if (rc != 0 || found == nullptr)
    return Unexpected{"host not found in syslog server \"" + std::string(server) + "\": " + gai_strerror(rc)};
  SocketAddress address = SocketAddress::from_sockaddr(found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  address.set_port(port);
  return address;
}

}  // namespace

Syslog::Syslog(Syslog&& other) noexcept
    : server_(std::move(other.server_)),
      facility_(other.facility_),
      severity_(other.severity_),
      tag_(std::move(other.tag_)),
      hostname_(std::move(other.hostname_)),
      fd_(std::exchange(other.fd_, -1)) {}

Syslog::~Syslog() {
  disconnect();
}

Result<Syslog> Syslog::parse(std::string_view parameters) {
  Syslog out;
  out.hostname_ = host_name();
  std::array<bool, 5> seen{};
  const auto once = [&seen](size_t which) { return !std::exchange(seen[which], true); };
  for (std::string_view rest = parameters;;) {
    const size_t comma = rest.find(',');
    const std::string_view parameter = rest.substr(0, comma);
    const size_t equals = parameter.find('=');
    const std::string_view name = parameter.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
    bool first = true;
    if (name == "server") {
      first = once(0);
      auto server = resolve(value);
      if (!server) return Unexpected{std::move(server.error())};
      out.server_ = std::move(*server);
    } else if (name == "facility") {
      first = once(1);
      out.facility_ = index_of(kFacilities, value);
      if (out.facility_ < 0) return Unexpected{"unknown syslog facility \"" + std::string(value) + "\""};
    } else if (name == "severity") {
      first = once(2);
      out.severity_ = index_of(kSeverities, value);
      if (out.severity_ < 0) return Unexpected{"unknown syslog severity \"" + std::string(value) + "\""};
    } else if (name == "tag") {
      first = once(3);
      // RFC 3164 4.1.3: alphanumeric, at most 32; the underscore is nginx's.
      const bool clean =
          std::all_of(value.begin(), value.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
      if (value.empty() || value.size() > 32 || !clean)
        return Unexpected{"syslog \"tag\" takes 1 to 32 alphanumeric characters and underscores"};
      out.tag_ = value;
    } else if (parameter == "nohostname") {
      first = once(4);
      out.hostname_.clear();
    } else {
      return Unexpected{"unknown syslog parameter \"" + std::string(parameter) + "\""};
    }
    if (!first) return Unexpected{"duplicate syslog \"" + std::string(name) + "\""};
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (out.server_.empty()) return Unexpected{std::string("no syslog server specified")};
  return out;
}

std::string Syslog::header(int severity) const {
  const time_t now = time(nullptr);
  tm t{};
  localtime_r(&now, &t);
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "<%d>%s %2d %02d:%02d:%02d ", facility_ * 8 + severity,
                kMonths[static_cast<size_t>(t.tm_mon)], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
  std::string out = stamp;
  if (!hostname_.empty()) out += hostname_ + ' ';
  return out + tag_ + ": ";
}

bool Syslog::send(int severity, std::string_view text) {
  const std::string message = header(severity) + std::string(text);
  // A second try: a restarted server has a new socket, and a refusal may be the echo of an earlier datagram.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (fd_ < 0 && !connect()) return false;
    if (::send(fd_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return false;
    disconnect();
  }
  return false;
}

bool Syslog::connect() {
  sockaddr_storage address{};
  const socklen_t length = server_.to_sockaddr(address);
  fd_ = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ >= 0 && ::connect(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0) return true;
  disconnect();
  return false;
}

void Syslog::disconnect() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace weir
