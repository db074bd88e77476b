// resolve_blocking(): a channel of its own, turned with poll(2) until the answer or the timeout.
#include <poll.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "io/dns_query.h"
#include "io/resolver.h"

namespace weir::io {
namespace {

// One poll(2) over the channel's sockets, then whatever c-ares makes of it.
void turn_channel(ares_channel channel, int64_t most_ms) {
  ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
  const int wanted = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
  pollfd fds[ARES_GETSOCK_MAXNUM];
  nfds_t count = 0;
  for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const bool readable = ARES_GETSOCK_READABLE(wanted, i) != 0;
    const bool writable = ARES_GETSOCK_WRITABLE(wanted, i) != 0;
    if (!readable && !writable) break;
    fds[count++] = {sockets[i], static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)), 0};
  }
  timeval most{static_cast<time_t>(most_ms / 1000), static_cast<suseconds_t>(most_ms % 1000 * 1000)};
  timeval store{};
  const timeval* wait = ares_timeout(channel, &most, &store);
  const int64_t wait_ms = wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000;
  ::poll(fds, count, static_cast<int>(wait_ms));
  for (nfds_t i = 0; i < count; ++i) {
    if (fds[i].revents == 0) continue;
    const bool in = (fds[i].revents & ~POLLOUT) != 0;
    const bool out = (fds[i].revents & ~POLLIN) != 0;
    ares_process_fd(channel, in ? fds[i].fd : ARES_SOCKET_BAD, out ? fds[i].fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its timeouts
}

}  // namespace

Result<ResolveAnswer> resolve_blocking(const std::string& name, uint16_t port, Millis timeout, bool ipv6) {
  ares_channel channel = make_dns_channel({}, nullptr, nullptr);
  if (channel == nullptr) return host_not_found(name, "the resolver cannot be set up");
  std::optional<Result<ResolveAnswer>> result;
  const MonoMs end = monotonic_ms() + timeout.count();
  ask_dns(channel, name, port, ipv6, [&](Result<ResolveAnswer> answer) { result = std::move(answer); });
  while (!result) {
    const int64_t left = end - monotonic_ms();
    if (left <= 0) {
      ares_cancel(channel);
      result = host_not_found(name, "timed out");
      break;
    }
    turn_channel(channel, left);
  }
  ares_destroy(channel);
  return *std::move(result);
}

}  // namespace weir::io
