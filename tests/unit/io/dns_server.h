// A scripted DNS server on loopback, UDP and TCP: answers what it knows, NXDOMAIN otherwise, or does as it is told.
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "unit/io/harness.h"

namespace weir::io::test {

constexpr uint16_t kA = 1;
constexpr uint16_t kCname = 5;
constexpr uint16_t kAaaa = 28;
constexpr uint16_t kSrv = 33;

inline std::string dns_u16(size_t v) {
  return {static_cast<char>(v >> 8 & 0xff), static_cast<char>(v & 0xff)};
}

inline std::string dns_name(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const size_t end = std::min(name.find('.'), name.size());
    out += static_cast<char>(end);
    out += name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return out + '\0';
}

struct DnsRecord {
  uint16_t type;
  int ttl;
  std::string data;
  std::string owner = {};  // empty: the name asked for
};

inline DnsRecord address_record(const char* ip, int ttl = 30) {
  const SocketAddress address = *SocketAddress::from_ip(ip, 0);
  return {address.is_ipv4() ? kA : kAaaa, ttl, std::string(address.address_bytes())};
}

inline DnsRecord srv_record(size_t priority, size_t weight, size_t port, std::string_view target, int ttl = 30) {
  return {kSrv, ttl, dns_u16(priority) + dns_u16(weight) + dns_u16(port) + dns_name(target)};
}

inline std::string dns_reply(std::string_view id, std::string_view question, int rcode,
                             const std::vector<DnsRecord>& records) {
  std::string answers;
  for (const DnsRecord& record : records)
    answers += (record.owner.empty() ? "\xc0\x0c" : dns_name(record.owner)) + dns_u16(record.type) + dns_u16(1) +
               dns_u16(0) + dns_u16(static_cast<size_t>(record.ttl)) + dns_u16(record.data.size()) + record.data;
  return std::string(id) + '\x81' + static_cast<char>(0x80 | rcode) + dns_u16(1) + dns_u16(records.size()) +
         dns_u16(0) + dns_u16(0) + std::string(question) + answers;
}

class DnsServer {
 public:
  enum class Manner {
    kPlain,
    kMute,
    kServerFailure,
    kWrongIdFirst,        // an answer with another id comes before the true one
    kWrongQuestionFirst,  // an answer to another question comes before the true one
    kTruncated,           // all of it over TCP alone
  };

  DnsServer() {
    // The port of the one has to be free for the other.
    while (true) {
      udp_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      tcp_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      sockaddr_storage storage{};
      const socklen_t length = loopback().to_sockaddr(storage);
      if (::bind(udp_.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::abort();
      bound_address(udp_.get()).to_sockaddr(storage);
      if (::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0) break;
    }
    if (::listen(tcp_.get(), 16) != 0) std::abort();
  }

  std::string address() const { return bound_address(udp_.get()).to_string(); }
  void add(const std::string& name, DnsRecord record) {
    const std::lock_guard lock(mutex_);
    names_[name].records.push_back(std::move(record));
  }
  void behave(const std::string& name, Manner manner) {
    const std::lock_guard lock(mutex_);
    names_[name].manner = manner;
  }
  // Answers nobody until so many questions are there.
  void hold_until(size_t asked) {
    const std::lock_guard lock(mutex_);
    held_until_ = asked;
  }

  // What is there now.
  void serve() {
    char query[512];
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    ssize_t n = 0;
    while ((n = ::recvfrom(udp_.get(), query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &length)) > 0) {
      client_port = SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&from), length).port();
      ++packets;
      const std::lock_guard lock(mutex_);
      const std::string packet(query, static_cast<size_t>(n));
      if (seen_.insert(packet).second) ++questions;
      held_.emplace_back(packet, from);
      if (held_.size() < held_until_) continue;
      held_until_ = 0;
      for (const auto& [held, client] : held_) {
        for (const std::string& reply : replies_to(held, false))
          ::sendto(udp_.get(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&client), length);
      }
      held_.clear();
    }
    while (true) {
      const Fd client(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() < 0) break;
      serve_tcp(client);
    }
  }

  int udp() const { return udp_.get(); }
  int tcp() const { return tcp_.get(); }

  std::atomic<bool> mute = false;
  // Over UDP. Whoever has waited for a second sends his packet once more: that is no other question.
  std::atomic<int> packets = 0;
  std::atomic<int> questions = 0;
  std::atomic<uint16_t> client_port = 0;  // of the last question over UDP
  std::atomic<int> tcp_questions = 0;

 private:
  struct Name {
    std::vector<DnsRecord> records;
    Manner manner = Manner::kPlain;
  };

  void serve_tcp(const Fd& client) {
    const timeval most{5, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    char size[2];
    if (::recv(client.get(), size, 2, MSG_WAITALL) != 2) return;
    std::string query(static_cast<size_t>(static_cast<uint8_t>(size[0]) << 8 | static_cast<uint8_t>(size[1])), '\0');
    if (::recv(client.get(), query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) return;
    ++tcp_questions;
    const std::lock_guard lock(mutex_);
    for (const std::string& reply : replies_to(query, true)) client.write(dns_u16(reply.size()) + reply);
  }

  std::vector<std::string> replies_to(std::string_view query, bool tcp) const {
    std::string name;
    size_t at = 12;
    while (query[at] != 0) {
      const auto label = static_cast<size_t>(query[at]);
      name += (name.empty() ? "" : ".") + std::string(query.substr(at + 1, label));
      at += label + 1;
    }
    const auto type = static_cast<uint16_t>(static_cast<uint8_t>(query[at + 2]));
    const std::string question(query.substr(12, at + 5 - 12));
    const std::string id(query.substr(0, 2));
    const auto known = names_.find(name);
    if (mute) return {};
    if (known == names_.end()) return {dns_reply(id, question, 3, {})};
    std::vector<DnsRecord> records;
    for (const DnsRecord& record : known->second.records)
      if (record.type == type || record.type == kCname) records.push_back(record);
    const std::string reply = dns_reply(id, question, 0, records);
    const std::vector<DnsRecord> lie{{type, 30, std::string(type == kA ? 4 : 16, '\x7f')}};
    switch (known->second.manner) {
      case Manner::kPlain: break;
      case Manner::kMute: return {};
      case Manner::kServerFailure: return {dns_reply(id, question, 2, {})};
      case Manner::kWrongIdFirst:
        return {dns_reply(std::string{static_cast<char>(id[0] ^ 1), id[1]}, question, 0, lie), reply};
      case Manner::kWrongQuestionFirst:
        return {dns_reply(id, dns_name("other.test") + dns_u16(type) + dns_u16(1), 0, lie), reply};
      case Manner::kTruncated:
        if (!tcp) {
          std::string cut = dns_reply(id, question, 0, {});
          cut[2] = static_cast<char>(cut[2] | 2);
          return {cut};
        }
    }
    return {reply};
  }

  Fd udp_, tcp_;
  mutable std::mutex mutex_;
  std::map<std::string, Name> names_;
  std::set<std::string> seen_;
  std::vector<std::pair<std::string, sockaddr_storage>> held_;
  size_t held_until_ = 0;
};

// Serves in a thread, for as long as it lives: for those who block while they ask.
class DnsThread {
 public:
  explicit DnsThread(DnsServer& server) : end_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this, &server] {
      while (true) {
        pollfd fds[] = {{end_.get(), POLLIN, 0}, {server.udp(), POLLIN, 0}, {server.tcp(), POLLIN, 0}};
        ::poll(fds, 3, -1);
        if (fds[0].revents != 0) return;
        server.serve();
      }
    });
  }
  ~DnsThread() {
    end_.write({"\1\0\0\0\0\0\0\0", 8});
    thread_.join();
  }

 private:
  Fd end_;
  std::thread thread_;
};

}  // namespace weir::io::test
