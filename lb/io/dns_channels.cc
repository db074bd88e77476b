#include "io/dns_channels.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace weir::io {

void DnsChannels::clear() {
  for (const auto& [servers, channel] : std::exchange(channels_, {}))
    if (channel != nullptr) ares_destroy(channel);
}

ares_channel DnsChannels::of(const std::vector<std::string>& servers) {
  const auto [channel, made] = channels_.try_emplace(servers, nullptr);
  if (made) channel->second = make_dns_channel(servers, nullptr, nullptr);
  return channel->second;
}

void DnsChannels::turn(MonoMs most, int wake) {
  std::vector<pollfd> fds;
  std::vector<ares_channel> owners;
  for (const auto& [servers, channel] : channels_) {
    if (channel == nullptr) continue;
    timeval store{};
    if (const timeval* wait = ares_timeout(channel, nullptr, &store); wait != nullptr)
      most = std::min<MonoMs>(most, wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000);
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    const int wanted = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
      const bool readable = ARES_GETSOCK_READABLE(wanted, i) != 0;
      const bool writable = ARES_GETSOCK_WRITABLE(wanted, i) != 0;
      if (!readable && !writable) break;
      fds.push_back({sockets[i], static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)), 0});
      owners.push_back(channel);
    }
  }
  if (wake >= 0) fds.push_back({wake, POLLIN, 0});
  ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<MonoMs>(most, 0, INT32_MAX)));
  for (size_t i = 0; i < owners.size(); ++i) {
    if (fds[i].revents == 0) continue;
    const bool in = (fds[i].revents & ~POLLOUT) != 0;
    const bool out = (fds[i].revents & ~POLLIN) != 0;
    ares_process_fd(owners[i], in ? fds[i].fd : ARES_SOCKET_BAD, out ? fds[i].fd : ARES_SOCKET_BAD);
  }
  for (const auto& [servers, channel] : channels_)
    if (channel != nullptr) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its timeouts
}

}  // namespace weir::io
