// resolve_all(): a channel for each list of servers, turned with poll(2) until all is answered or the time is over.
#include <poll.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "io/dns_query.h"

namespace weir::io {
namespace {

// More at once would overflow a server's receive buffer, and each question lost costs a second.
constexpr size_t kMostAtOnce = 64;
constexpr MonoMs kLookUpEvery = 50;  // at `stopped`

class Asking {
 public:
  Asking(const std::vector<DnsQuestion>& questions, MonoMs end)
      : questions_(questions), end_(end), answers_(questions.size()), ends_(questions.size(), kNever) {}

  ~Asking() {
    ending_ = true;
    for (const auto& [servers, channel] : channels_)
      if (channel != nullptr) ares_destroy(channel);
  }

  std::vector<Result<ResolveAnswer>> run(const std::function<bool()>& stopped) {
    while (true) {
      const MonoMs now = monotonic_ms();
      if (now >= end_ || (stopped && stopped())) break;
      expire(now);
      start(now);
      if (answered_ == questions_.size()) break;
      turn(std::min(next_end(), stopped ? now + kLookUpEvery : kNever) - now);
    }
    std::vector<Result<ResolveAnswer>> out;
    for (size_t i = 0; i < questions_.size(); ++i)
      out.push_back(answers_[i] ? *std::move(answers_[i]) : host_not_found(questions_[i].name(), "timed out"));
    return out;
  }

 private:
  bool open(size_t i) const { return i < asked_ && !answers_[i]; }

  void start(MonoMs now) {
    while (asked_ < questions_.size() && asked_ - answered_ < kMostAtOnce) {
      const size_t i = asked_++;
      ends_[i] = now + questions_[i].timeout.count();
      ares_channel channel = channel_of(questions_[i].servers);
      if (channel == nullptr) {
        receive(i, host_not_found(questions_[i].name(), "the resolver cannot be set up"));
      } else {
        ask_dns(channel, questions_[i], [this, i](Result<ResolveAnswer> answer) { receive(i, std::move(answer)); });
      }
    }
  }

  void receive(size_t i, Result<ResolveAnswer> answer) {
    if (ending_ || answers_[i]) return;
    answers_[i] = std::move(answer);
    ++answered_;
  }

  void expire(MonoMs now) {
    for (size_t i = 0; i < asked_; ++i)
      if (open(i) && ends_[i] <= now) receive(i, host_not_found(questions_[i].name(), "timed out"));
  }

  MonoMs next_end() const {
    MonoMs next = end_;
    for (size_t i = 0; i < asked_; ++i)
      if (open(i)) next = std::min(next, ends_[i]);
    return next;
  }

  ares_channel channel_of(const std::vector<std::string>& servers) {
    const auto [channel, made] = channels_.try_emplace(servers, nullptr);
    if (made) channel->second = make_dns_channel(servers, nullptr, nullptr);
    return channel->second;
  }

  // One poll(2) over the sockets of all channels, then whatever c-ares makes of it.
  void turn(MonoMs most) {
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
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<MonoMs>(most, 0)));
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      const bool in = (fds[i].revents & ~POLLOUT) != 0;
      const bool out = (fds[i].revents & ~POLLIN) != 0;
      ares_process_fd(owners[i], in ? fds[i].fd : ARES_SOCKET_BAD, out ? fds[i].fd : ARES_SOCKET_BAD);
    }
    for (const auto& [servers, channel] : channels_)
      if (channel != nullptr) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its timeouts
  }

  const std::vector<DnsQuestion>& questions_;
  const MonoMs end_;
  std::vector<std::optional<Result<ResolveAnswer>>> answers_;
  std::vector<MonoMs> ends_;
  size_t asked_ = 0;     // the first so many
  size_t answered_ = 0;  // of those
  std::map<std::vector<std::string>, ares_channel> channels_;
  bool ending_ = false;
};

}  // namespace

std::vector<Result<ResolveAnswer>> resolve_all(const std::vector<DnsQuestion>& questions, Millis most,
                                               const std::function<bool()>& stopped) {
  return Asking(questions, monotonic_ms() + most.count()).run(stopped);
}

}  // namespace weir::io
