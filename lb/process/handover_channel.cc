// SOCK_SEQPACKET: the kernel keeps packets apart, and descriptors with the packet that they were sent in.
#include "process/handover_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/system.h"

namespace weir::process {
namespace {

constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * HandoverChannel::kMostDescriptors);

Unexpected<std::string> failed(const char* call) {
  return Unexpected{call_failed(call, errno)};
}

// Every one that came is closed by its owner, also where the packet is refused.
std::vector<OwnedFd> take_descriptors(msghdr& message) {
  std::vector<OwnedFd> out;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof(int), sizeof fd);
      out.emplace_back(fd);
    }
  }
  return out;
}

bool is_step(char byte) {
  return byte != '\0' && std::strchr("HDPRFSGVA", byte) != nullptr;
}

}  // namespace

Result<std::pair<HandoverChannel, OwnedFd>> HandoverChannel::open() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return failed("socketpair()");
  return std::pair(HandoverChannel(OwnedFd(ends[0])), OwnedFd(ends[1]));
}

Status<> HandoverChannel::wait(short events, MonoMs deadline) const {
  pollfd poll_fd{fd_.get(), events, 0};
  for (;;) {
    int timeout = -1;
    if (deadline != kNever) timeout = static_cast<int>(std::clamp<MonoMs>(deadline - monotonic_ms(), 0, INT32_MAX));
    const int n = ::poll(&poll_fd, 1, timeout);
    if (n > 0) return Void{};
    if (n == 0) return Unexpected{std::string("it did not answer in time")};
    if (errno != EINTR) return failed("poll()");
  }
}

Status<> HandoverChannel::send(HandoverStep step, std::string_view body, std::span<const int> descriptors,
                               MonoMs deadline) {
  if (body.size() > kMostBody || descriptors.size() > kMostDescriptors)
    return Unexpected{std::string("a packet of the handover is too large")};
  char kind = static_cast<char>(step);
  iovec pieces[] = {{&kind, 1}, {const_cast<char*>(body.data()), body.size()}};  // NOLINT: sendmsg() only reads
  alignas(cmsghdr) char control[kControlBytes] = {};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    if (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Void{};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET) return Unexpected{std::string("it has ended")};
    if (errno != EAGAIN) return failed("sendmsg()");
    if (Status<> ready = wait(POLLOUT, deadline); !ready) return ready;
  }
}

Result<HandoverPacket> HandoverChannel::receive(MonoMs deadline) {
  std::string bytes(1 + kMostBody, '\0');
  alignas(cmsghdr) char control[kControlBytes] = {};
  msghdr message{};
  iovec piece{bytes.data(), bytes.size()};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  while ((size = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)) < 0) {
    if (errno == EINTR) continue;
    if (errno == ECONNRESET) return Unexpected{std::string("it has ended")};
    if (errno != EAGAIN) return failed("recvmsg()");
    if (Status<> ready = wait(POLLIN, deadline); !ready) return Unexpected{ready.error()};
  }
  HandoverPacket packet;
  packet.descriptors = take_descriptors(message);
  if (size == 0) return Unexpected{std::string("it has ended")};
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return Unexpected{std::string("a packet of the handover came cut short (too few descriptors left?)")};
  if (!is_step(bytes[0])) return Unexpected{std::string("a packet of the handover has a kind that is not known")};
  packet.step = static_cast<HandoverStep>(bytes[0]);
  packet.body = bytes.substr(1, static_cast<size_t>(size) - 1);
  return packet;
}

Result<HandoverPacket> HandoverChannel::expect(HandoverStep step, MonoMs deadline) {
  Result<HandoverPacket> packet = receive(deadline);
  if (!packet) return packet;
  if (packet->step == step) return packet;
  if (packet->step == HandoverStep::kFailed) return Unexpected{packet->body};
  return Unexpected{std::string("the handover has taken an unexpected turn (step ") + static_cast<char>(packet->step) +
                    ")"};
}

void HandoverChannel::cut() const {
  ::shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace weir::process
