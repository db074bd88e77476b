// A socket, one request, one response through http's codec.
#include "ctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/owned_fd.h"
#include "base/sockaddr.h"
#include "http/h1_codec.h"

namespace weir::ctl {
namespace {

constexpr size_t kMostBody = 256 * 1024 * 1024;

class Response final : public http::ClientCodec::Handler {
 public:
  Arena& response_arena(http::StreamId) override { return arena_; }
  http::ResponseHead& response_head(http::StreamId) override { return head_; }
  void on_interim(http::StreamId) override {}
  void on_response(http::StreamId) override { reply.status = head_.status; }
  void on_body(http::StreamId, std::string_view bytes) override {
    reply.body.append(bytes);
    if (reply.body.size() > kMostBody) failed = "the answer has no end";
  }
  void on_response_end(http::StreamId) override { ended = true; }
  void on_error(http::StreamId, ErrorKind, std::string_view why) override { failed = why; }

  CtlReply reply;
  bool ended = false;
  std::string failed;

 private:
  Arena arena_;
  http::ResponseHead head_;
};

Unexpected<std::string> unreachable(const std::string& path, int code) {
  if (code == ENOENT || code == ECONNREFUSED)
    return Unexpected{"weir is not running, or has no admin socket at " + path};
  if (code == EACCES || code == EPERM)
    return Unexpected{path + ": permission denied: the admin socket is for root and the user of weir"};
  return Unexpected{path + ": " + std::strerror(code)};
}

Result<OwnedFd> connect_to(const std::string& path, Millis most) {
  sockaddr_storage storage{};
  const socklen_t length = SocketAddress::from_unix(path).to_sockaddr(storage);
  if (path.empty() || length == 0) return unreachable(path, path.empty() ? ENOENT : ENAMETOOLONG);
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return unreachable(path, errno);
  const timeval patience{most.count() / 1'000, most.count() % 1'000 * 1'000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return unreachable(path, errno);
  return fd;
}

std::string why_silent(int code, Millis patience) {
  if (code != EAGAIN) return std::string(": ") + std::strerror(code);
  return " in " + std::to_string(patience.count() / 1'000) + " s (it is stopped, or very busy)";
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

http::Method method_of(const std::string& method) {
  return http::parse_method(method);
}

}  // namespace

std::string path_encoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_alpha(c) || is_digit(c) || std::strchr("-._~:/@!$&'()*+,;=", c) != nullptr) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<CtlReply> ask_weir(const std::string& socket, const std::string& method, const std::string& target,
                          const std::string& body, Millis patience) {
  Result<OwnedFd> fd = connect_to(socket, patience);
  if (!fd) return Unexpected{fd.error()};
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n";
  if (!body.empty()) request += "Content-Type: application/json\r\n";
  if (method == "POST") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + body;
  // An answer may come before all is written (413): it is looked for whatever becomes of the rest.
  const bool sent = send_all(fd->get(), request);
  http::H1ClientCodec codec;
  codec.open(method_of(method), {}, http::kAnswerLimits);
  Response response;
  std::string pending;
  char bytes[64 * 1024];
  while (!response.ended && response.failed.empty()) {
    const ssize_t n = ::recv(fd->get(), bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unexpected{"no answer from weir at " + socket + why_silent(errno, patience)};
    if (n == 0) break;
    pending.append(bytes, static_cast<size_t>(n));
    pending.erase(0, codec.feed(pending, response));
  }
  if (!response.failed.empty()) return Unexpected{"weir's answer at " + socket + " makes no sense: " + response.failed};
  if (!response.ended)
    return Unexpected{"weir at " + socket + (sent ? " closed the connection without an answer" : " took no request")};
  return std::move(response.reply);
}

}  // namespace weir::ctl
