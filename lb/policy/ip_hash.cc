// ip_hash: clients of one /24 (IPv4) or one address (IPv6) stay on one peer (SEMANTICS 2.2).
#include "base/sockaddr.h"
#include "policy/rehash.h"

namespace weir::policy {
namespace {

class IpHash final : public RehashBalancer {
 public:
  IpHash(const Cluster& cluster, const Beginning& beginning) : RehashBalancer(cluster, beginning) {}

 protected:
  Pick choose(Turn& turn) override {
    // A unix socket has no address: three zero bytes, as nginx has it.
    std::string_view key("\0\0\0", 3);
    SocketAddress client;
    if (turn.ctx.client != nullptr && (turn.ctx.client->is_ipv4() || turn.ctx.client->is_ipv6())) {
      client = turn.ctx.client->unmapped();
      key = client.is_ipv4() ? client.address_bytes().substr(0, 3) : client.address_bytes();
    }
    uint32_t hash = 89;
    return walk(turn, [&hash, key] {
      for (const char byte : key) hash = (hash * 113 + static_cast<uint8_t>(byte)) % 6271;
      return hash;
    });
  }
};

}  // namespace

std::unique_ptr<Balancer> make_ip_hash(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<IpHash>(cluster, beginning);
}

}  // namespace weir::policy
