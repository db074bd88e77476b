// One question to c-ares: /etc/hosts first, then DNS; or SRV records and then the addresses of each target.
#include "io/dns_query.h"

#include <netdb.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/address_families.h"
#include "base/bytes.h"
#include "base/localhost.h"
#include "io/dns_srv.h"

namespace weir::io {
namespace {

// Three tries at each server, 1, 2 and 4 s; c-ares's own default is four of 5 s and more.
constexpr int kTryMs = 1000;
constexpr int kTries = 3;
constexpr int kClassIn = 1;
constexpr int kTypeA = 1;
constexpr int kTypeAaaa = 28;
constexpr int kTypeSrv = 33;
// A server that is no recursive one may answer with an alias alone; such answers are followed so often.
constexpr int kMostAliases = 8;

using AddressesDone = std::function<void(int status, ResolveAnswer answer)>;

bool no_such_name(int status) {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

Unexpected<std::string> failure(const std::string& name, int status) {
  return host_not_found(name, no_such_name(status) ? nullptr : ares_strerror(status));
}

void add_peer(std::vector<ResolvedPeer>& peers, ResolvedPeer peer) {
  const auto same = [&](const ResolvedPeer& known) { return known.address == peer.address; };
  if (std::none_of(peers.begin(), peers.end(), same)) peers.push_back(std::move(peer));
}

void put_ipv4_first(std::vector<ResolvedPeer>& peers) {
  std::stable_partition(peers.begin(), peers.end(), [](const ResolvedPeer& peer) { return peer.address.is_ipv4(); });
}

ResolveAnswer answer_of(const ares_addrinfo* info, uint16_t port) {
  ResolveAnswer answer;
  int ttl = INT32_MAX;
  for (const ares_addrinfo_cname* alias = info->cnames; alias != nullptr; alias = alias->next)
    ttl = std::min(ttl, alias->ttl);
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    SocketAddress address = SocketAddress::from_sockaddr(node->ai_addr, node->ai_addrlen);
    if (!address.is_ipv4() && !address.is_ipv6()) continue;
    address.set_port(port);
    add_peer(answer.peers, {std::move(address)});
    ttl = std::min(ttl, node->ai_ttl);
  }
  put_ipv4_first(answer.peers);
  answer.ttl_seconds = std::max(answer.peers.empty() ? 0 : ttl, 0);
  return answer;
}

ResolveAnswer loopback(uint16_t port, const DnsQuestion& families) {
  ResolveAnswer answer;
  if (families.ipv4) answer.peers.push_back({*SocketAddress::from_ip("127.0.0.1", port)});
  if (families.ipv6) answer.peers.push_back({*SocketAddress::from_ip("::1", port)});
  answer.ttl_seconds = INT32_MAX;
  return answer;
}

void ask_alias(ares_channel channel, const std::string& host, uint16_t port, const DnsQuestion& families, int aliases,
               AddressesDone done);

// `families`: the question of which only ipv4 and ipv6 are looked at. `aliases`: so many more may be followed.
void ask_addresses(ares_channel channel, const std::string& host, uint16_t port, const DnsQuestion& families,
                   int aliases, AddressesDone done) {
  if (auto literal = SocketAddress::from_ip(host, port)) {
    done(ARES_SUCCESS, {{{*std::move(literal)}}});
    return;
  }
  if (host.empty() || host.find('\0') != std::string::npos || (!families.ipv4 && !families.ipv6)) {
    done(ARES_ENOTFOUND, {});
    return;
  }
  if (is_localhost(host)) {
    done(ARES_SUCCESS, loopback(port, families));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = families.ipv4 && families.ipv6 ? AF_UNSPEC : families.ipv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting opens a socket per address
  struct Query {
    ares_channel channel;
    std::string host;
    uint16_t port;
    DnsQuestion families;
    int aliases;
    AddressesDone done;
  };
  ares_getaddrinfo(
      channel, host.c_str(), nullptr, &hints,
      [](void* arg, int status, int, ares_addrinfo* info) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        ResolveAnswer answer;
        if (status == ARES_SUCCESS && info != nullptr) answer = answer_of(info, query->port);
        if (info != nullptr) ares_freeaddrinfo(info);
        if (status == ARES_SUCCESS && answer.peers.empty()) status = ARES_ENODATA;
        if (no_such_name(status) && query->aliases > 0)
          return ask_alias(query->channel, query->host, query->port, query->families, query->aliases,
                           std::move(query->done));
        query->done(status, std::move(answer));
      },
      new Query{channel, host, port, families, aliases, std::move(done)});
}

// c-ares takes an alias without addresses for a name without addresses, and does not tell.
void ask_alias(ares_channel channel, const std::string& host, uint16_t port, const DnsQuestion& families, int aliases,
               AddressesDone done) {
  struct Query {
    ares_channel channel;
    uint16_t port;
    DnsQuestion families;
    int aliases;
    AddressesDone done;
  };
  ares_search(
      channel, host.c_str(), kClassIn, families.ipv4 ? kTypeA : kTypeAaaa,
      [](void* arg, int status, int, unsigned char* message, int length) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        std::optional<SrvAnswer> found;
        if (status == ARES_SUCCESS)
          found = parse_alias({reinterpret_cast<const char*>(message), static_cast<size_t>(length)});
        if (!found || found->alias.empty()) return query->done(status == ARES_SUCCESS ? ARES_ENODATA : status, {});
        ask_addresses(query->channel, found->alias + '.', query->port, query->families, query->aliases - 1,
                      [done = std::move(query->done), ttl = found->ttl_seconds](int of_target, ResolveAnswer answer) {
                        answer.ttl_seconds = std::min(answer.ttl_seconds, ttl);
                        done(of_target, std::move(answer));
                      });
      },
      new Query{channel, port, families, aliases, std::move(done)});
}

// The addresses of all targets of one SRV answer, as they come in. Each question under way holds it.
struct Gathering {
  DnsQuestion question;
  ResolveDone done;
  std::vector<SrvTarget> targets;
  std::vector<std::vector<ResolvedPeer>> peers;  // of each target
  int ttl = INT32_MAX;
  size_t waiting = 0;
  int failed = ARES_SUCCESS;  // of a target that may yet be there

  void receive(size_t target, int status, ResolveAnswer answer) {
    if (status == ARES_SUCCESS) {
      peers[target] = std::move(answer.peers);
      ttl = std::min(ttl, answer.ttl_seconds);
    } else if (!no_such_name(status)) {
      failed = status;
    }
    if (--waiting == 0) finish();
  }

  void finish() {
    ResolveAnswer answer;
    int lowest = -1;
    for (size_t i = 0; i < targets.size(); ++i) {
      const SrvTarget& target = targets[i];
      if (lowest < 0 && !peers[i].empty()) lowest = target.priority;
      for (ResolvedPeer& peer : peers[i]) {
        peer.weight = std::max<uint16_t>(target.weight, 1);
        peer.backup = target.priority != lowest;
        add_peer(answer.peers, std::move(peer));
      }
    }
    if (answer.peers.empty()) return done(failure(question.name(), failed == ARES_SUCCESS ? ARES_ENOTFOUND : failed));
    put_ipv4_first(answer.peers);
    answer.ttl_seconds = ttl;
    answer.partial = failed != ARES_SUCCESS;
    done(std::move(answer));
  }
};

void ask_targets(ares_channel channel, const std::shared_ptr<Gathering>& gathering, SrvAnswer srv) {
  gathering->targets = std::move(srv.targets);
  gathering->peers.resize(gathering->targets.size());
  gathering->waiting = gathering->targets.size();
  for (size_t i = 0; i < gathering->targets.size(); ++i) {
    const SrvTarget& target = gathering->targets[i];
    ask_addresses(
        channel, target.host, target.port, gathering->question, kMostAliases,
        [gathering, i](int status, ResolveAnswer answer) { gathering->receive(i, status, std::move(answer)); });
  }
}

// `name`: what the question's service is called, at first or by an alias.
void ask_service(ares_channel channel, const std::string& name, int aliases, std::shared_ptr<Gathering> gathering) {
  struct Query {
    ares_channel channel;
    int aliases;
    std::shared_ptr<Gathering> gathering;
  };
  ares_search(
      channel, name.c_str(), kClassIn, kTypeSrv,
      [](void* arg, int status, int, unsigned char* message, int length) {
        const std::unique_ptr<Query> query(static_cast<Query*>(arg));
        Gathering& own = *query->gathering;
        if (status != ARES_SUCCESS) return own.done(failure(own.question.name(), status));
        auto srv = parse_srv({reinterpret_cast<const char*>(message), static_cast<size_t>(length)});
        if (!srv) return own.done(failure(own.question.name(), ARES_EBADRESP));
        own.ttl = std::min(own.ttl, srv->ttl_seconds);
        if (!srv->targets.empty()) return ask_targets(query->channel, query->gathering, *std::move(srv));
        if (srv->alias.empty() || query->aliases == 0) return own.done(failure(own.question.name(), ARES_ENODATA));
        ask_service(query->channel, srv->alias + '.', query->aliases - 1, std::move(query->gathering));
      },
      new Query{channel, aliases, std::move(gathering)});
}

}  // namespace

std::string DnsQuestion::name() const {
  if (service.empty()) return host;
  const bool ready = service.front() == '_' || service.find('.') != std::string::npos;
  return (ready ? service : "_" + service + "._tcp") + "." + host;
}

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
  if (!servers.empty()) mask |= ARES_OPT_DOMAINS;  // none: the search list is of the system's servers
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, mask) != ARES_SUCCESS) return nullptr;
  if (servers.empty()) return channel;
  std::string list;
  for (const std::string& server : servers) list += (list.empty() ? "" : ",") + server;
  if (ares_set_servers_ports_csv(channel, list.c_str()) == ARES_SUCCESS) return channel;
  ares_destroy(channel);
  return nullptr;
}

void ask_dns(ares_channel channel, const DnsQuestion& question, ResolveDone done) {
  // Of the system's own servers nginx asks by getaddrinfo and AI_ADDRCONFIG; a `resolver` has ipv4=off and ipv6=off.
  // localhost is both loopbacks, whatever else the machine has.
  if (question.servers.empty() && !is_localhost(question.host))
    done = [done = std::move(done)](Result<ResolveAnswer> answer) {
      if (answer) keep_families(answer->peers, own_families(), [](const ResolvedPeer& peer) { return peer.address; });
      done(std::move(answer));
    };
  if (!question.service.empty()) {
    auto gathering = std::make_shared<Gathering>();
    gathering->question = question;
    gathering->done = std::move(done);
    return ask_service(channel, question.name(), kMostAliases, std::move(gathering));
  }
  ask_addresses(channel, question.host, question.port, question, kMostAliases,
                [host = question.host, done = std::move(done)](int status, ResolveAnswer answer) {
                  if (status != ARES_SUCCESS) return done(failure(host, status));
                  done(std::move(answer));
                });
}

}  // namespace weir::io
