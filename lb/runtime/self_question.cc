// A blocking client of one request a connection.
#include "runtime/self_question.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/owned_fd.h"
#include "base/system.h"
#include "fetch/curl_door.h"

namespace weir::runtime {
namespace {

constexpr int kSliceMs = 50;       // between looks whether it is cancelled
constexpr Millis kPause{200};      // between two questions
constexpr Millis kOneMost{5'000};  // for one of them

constexpr std::string_view kPlain = "http://", kTls = "https://";

struct SelfAnswer {
  int status = 0;
  std::string error;
};

// One question, and the time that is left for it.
class Asking {
 public:
  Asking(const SelfQuestion& question, MonoMs end, const std::atomic<bool>& cancelled)
      : question_(question), end_(end), cancelled_(cancelled) {}

  SelfAnswer run() {
    sockaddr_storage storage{};
    const socklen_t length = question_.address.to_sockaddr(storage);
    fd_ = OwnedFd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd_.get() < 0) return {0, call_failed("socket()", errno)};
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
      if (errno != EINPROGRESS && errno != EAGAIN) return {0, call_failed("connect()", errno)};
      if (!wait(POLLOUT)) return {0, "no connection in time"};
      int code = 0;
      socklen_t size = sizeof code;
      if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0)
        return {0, call_failed("connect()", code)};
    }
    const std::string request = "GET " + question_.target + " HTTP/1.1\r\nHost: " + question_.host +
                                "\r\nUser-Agent: weir/" WEIR_VERSION
                                " (reload --verify)\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return {0, "the request was not taken"};
    return read_status();
  }

 private:
  // False: not in time.
  bool wait(short what) {
    while (!cancelled_.load(std::memory_order_relaxed)) {
      const MonoMs left = end_ - monotonic_ms();
      if (left <= 0) return false;
      pollfd ready{fd_.get(), what, 0};
      if (::poll(&ready, 1, static_cast<int>(std::min<MonoMs>(left, kSliceMs))) > 0) return true;
    }
    return false;
  }

  // Of the status line; interim answers go before it.
  SelfAnswer read_status() {
    std::string text;
    for (;;) {
      if (!wait(POLLIN)) return {0, "no answer in time"};
      char bytes[4096];
      const ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return {0, "closed without an answer"};
      text.append(bytes, static_cast<size_t>(n));
      for (size_t end = text.find("\r\n\r\n"); text.size() >= 12; end = text.find("\r\n\r\n")) {
        const auto status = parse_decimal(std::string_view(text).substr(9, 3));
        if (!text.starts_with("HTTP/1.1 ") || !status) return {0, "no HTTP answer"};
        if (*status >= 200) return {static_cast<int>(*status), {}};
        if (end == std::string::npos) break;
        text.erase(0, end + 4);
      }
    }
  }

  const SelfQuestion& question_;
  const MonoMs end_;
  const std::atomic<bool>& cancelled_;
  OwnedFd fd_;
};

SelfAnswer ask_over_tls(const SelfQuestion& question, Millis most, const std::atomic<bool>& cancelled) {
  fetch::CurlOptions options;
  options.only_address = question.address.to_string();
  options.connect_timeout = options.timeout = most;
  options.head_is_enough = true;
  options.is_stopped = [&cancelled] { return cancelled.load(std::memory_order_relaxed); };
  const auto answer = fetch::make_curl_door(std::move(options))->ask({.url = question.url, .accept = "*/*"});
  if (!answer) return {0, answer.error()};
  return {answer->status, {}};
}

bool is_wildcard(const SocketAddress& address) {
  const std::string_view bytes = address.address_bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// An address by which this machine reaches that listen.
SocketAddress reachable(const SocketAddress& listen) {
  if (!is_wildcard(listen)) return listen;
  return SocketAddress::from_ip(listen.is_ipv6() ? "::1" : "127.0.0.1", listen.port()).value_or(listen);
}

}  // namespace

Result<SelfQuestion> plan_self_question(const std::string& url, const config::Model& model) {
  const auto refuse = [&url](const std::string& why) { return Unexpected{"--verify " + url + ": " + why}; };
  const bool tls = iequals(url.substr(0, kTls.size()), kTls);
  if (!tls && !iequals(url.substr(0, kPlain.size()), kPlain)) return refuse("only http:// and https:// can be asked");
  const size_t scheme = tls ? kTls.size() : kPlain.size();
  const bool clean = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  const size_t slash = std::min(url.find_first_of("/?#", scheme), url.size());
  const std::string host = url.substr(scheme, slash - scheme);
  if (!clean || host.empty() || host.find('@') != std::string::npos) return refuse("it is no URL");
  std::string target = url.substr(slash, url.find('#', slash) - slash);
  if (!target.starts_with('/')) target.insert(0, "/");

  const size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  const auto port = has_port ? parse_decimal(host.substr(colon + 1)) : tls ? 443 : 80;
  if (!port || *port < 1 || *port > 65'535) return refuse("it has no port that there is");
  const std::string name = has_port ? host.substr(0, colon) : host;
  const auto literal = SocketAddress::from_ip(name, static_cast<uint16_t>(*port));
  const config::ListenModel* found = nullptr;
  for (const config::ServerModel& server : model.servers) {
    for (const config::ListenModel& listen : server.listens) {
      if (listen.address.is_unix() || listen.address.port() != *port) continue;
      if (literal && !(listen.address == *literal) &&
          !(is_wildcard(listen.address) && listen.address.is_ipv6() == literal->is_ipv6()))
        continue;
      if (found == nullptr || (literal && listen.address == *literal)) found = &listen;
    }
  }
  if (found == nullptr) return refuse("no \"listen\" of the configuration would take it");
  if (found->ssl != tls)
    return refuse("listen " + found->written + (found->ssl ? " expects TLS" : " does not speak TLS"));
  if (found->proxy_protocol) return refuse("listen " + found->written + " expects a PROXY header");
  return SelfQuestion{url, literal ? *literal : reachable(found->address), host, target, tls};
}

Status<> ask_self(const SelfQuestion& question, Millis within, const std::atomic<bool>& cancelled) {
  const MonoMs end = monotonic_ms() + within.count();
  SelfAnswer last;
  do {
    const MonoMs now = monotonic_ms();
    const MonoMs one_end = std::min<MonoMs>(end, now + kOneMost.count());
    SelfAnswer asked = question.tls ? ask_over_tls(question, Millis(std::max<MonoMs>(one_end - now, 1)), cancelled)
                                    : Asking(question, one_end, cancelled).run();
    if (asked.status >= 200 && asked.status < 400) return Void{};
    // A question that the end has cut off says less than the answer before.
    if (asked.status != 0 || last.status == 0 || monotonic_ms() < end) last = std::move(asked);
    for (MonoMs until = std::min<MonoMs>(end, monotonic_ms() + kPause.count());
         monotonic_ms() < until && !cancelled.load(std::memory_order_relaxed);)
      ::poll(nullptr, 0, kSliceMs);
  } while (monotonic_ms() < end && !cancelled.load(std::memory_order_relaxed));
  return Unexpected{"verification failed: " + question.url + ": " +
                    (last.status != 0 ? "status " + std::to_string(last.status) : last.error)};
}

}  // namespace weir::runtime
