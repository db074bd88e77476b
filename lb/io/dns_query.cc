// One question to c-ares: /etc/hosts first, then DNS with the system's search list.
#include "io/dns_query.h"

#include <netdb.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace weir::io {
namespace {

// Two tries of 2 s at each server (c-ares doubles the second); its own default is four of 5 s.
constexpr int kTryMs = 2000;
constexpr int kTries = 2;

struct Question {
  std::string name;
  uint16_t port;
  ResolveDone done;
};

Result<ResolveAnswer> answer_of(const Question& question, int status, const ares_addrinfo* info) {
  if (status == ARES_ENOTFOUND || status == ARES_ENODATA) return host_not_found(question.name);
  if (status != ARES_SUCCESS || info == nullptr) return host_not_found(question.name, ares_strerror(status));
  ResolveAnswer answer;
  int ttl = INT32_MAX;
  for (const ares_addrinfo_cname* alias = info->cnames; alias != nullptr; alias = alias->next)
    ttl = std::min(ttl, alias->ttl);
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    SocketAddress address = SocketAddress::from_sockaddr(node->ai_addr, node->ai_addrlen);
    if (!address.is_ipv4() && !address.is_ipv6()) continue;
    address.set_port(question.port);
    if (std::find(answer.addresses.begin(), answer.addresses.end(), address) != answer.addresses.end()) continue;
    answer.addresses.push_back(std::move(address));
    ttl = std::min(ttl, node->ai_ttl);
  }
  if (answer.addresses.empty()) return host_not_found(question.name);
  std::stable_partition(answer.addresses.begin(), answer.addresses.end(),
                        [](const SocketAddress& address) { return address.is_ipv4(); });
  answer.ttl_seconds = std::max(ttl, 0);
  return answer;
}

}  // namespace

Unexpected<std::string> host_not_found(const std::string& name, const char* why) {
  std::string text = "host not found in upstream \"" + name + "\"";
  if (why != nullptr) text += std::string(" (") + why + ")";
  return Unexpected{std::move(text)};
}

ares_channel make_dns_channel(const std::vector<std::string>& servers, ares_sock_state_cb on_socket, void* arg) {
  static const int initialised = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialised != ARES_SUCCESS) return nullptr;
  char lookups[] = "fb";  // files, then DNS
  ares_options options{};
  options.lookups = lookups;
  options.timeout = kTryMs;
  options.tries = kTries;
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = arg;
  int mask = ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  if (on_socket != nullptr) mask |= ARES_OPT_SOCK_STATE_CB;
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, mask) != ARES_SUCCESS) return nullptr;
  if (servers.empty()) return channel;
  std::string list;
  for (const std::string& server : servers) list += (list.empty() ? "" : ",") + server;
  if (ares_set_servers_ports_csv(channel, list.c_str()) == ARES_SUCCESS) return channel;
  ares_destroy(channel);
  return nullptr;
}

void ask_dns(ares_channel channel, const std::string& name, uint16_t port, bool ipv6, ResolveDone done) {
  if (auto literal = SocketAddress::from_ip(name, port)) {
    done(ResolveAnswer{{*std::move(literal)}, 0});
    return;
  }
  if (name.empty() || name.find('\0') != std::string::npos) {
    done(host_not_found(name));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = ipv6 ? AF_UNSPEC : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags =
      ARES_AI_NOSORT;  // sorting opens a socket per address, and the order of the answer is the server's say
  auto* question = new Question{name, port, std::move(done)};
  ares_getaddrinfo(
      channel, name.c_str(), nullptr, &hints,
      [](void* arg, int status, int, ares_addrinfo* info) {
        const std::unique_ptr<Question> asked(static_cast<Question*>(arg));
        auto answer = answer_of(*asked, status, info);
        if (info != nullptr) ares_freeaddrinfo(info);
        asked->done(std::move(answer));
      },
      question);
}

}  // namespace weir::io
