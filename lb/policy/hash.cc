// hash KEY: Cache::Memcached's modulo hashing (SEMANTICS 2.3). A change of the list moves most keys; see
// hash_consistent.cc.
#include "base/hash.h"

#include <charconv>

#include "policy/rehash.h"

namespace weir::policy {
namespace {

class Hash final : public RehashBalancer {
 public:
  Hash(const Cluster& cluster, const Beginning& beginning) : RehashBalancer(cluster, beginning) {}

 protected:
  Pick choose(Turn& turn) override {
    const std::string_view key = turn.ctx.key;
    if (key.empty()) return round_robin(turn);
    uint32_t hash = 0;
    uint32_t rehash = 0;
    return walk(turn, [&hash, &rehash, key] {
      Crc32 crc;
      if (rehash > 0) {
        char digits[10];
        const char* const end = std::to_chars(digits, digits + sizeof(digits), rehash).ptr;
        crc.update(std::string_view(digits, static_cast<size_t>(end - digits)));
      }
      ++rehash;
      hash += (crc.update(key).value() >> 16) & 0x7fff;
      return hash;
    });
  }
};

}  // namespace

std::unique_ptr<Balancer> make_hash(const Cluster& cluster, const Beginning& beginning) {
  return std::make_unique<Hash>(cluster, beginning);
}

}  // namespace weir::policy
