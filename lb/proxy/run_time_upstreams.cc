#include "proxy/run_time_upstreams.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/arena.h"
#include "base/bytes.h"
#include "proxy/core.h"

namespace weir::proxy {
namespace {

constexpr MonoMs kLookEvery = 10'000;

// Servers rotate their answers: one order, so that the same addresses are the same upstream.
std::vector<SocketAddress> addresses_of(const io::ResolveAnswer& answer) {
  std::vector<SocketAddress> out;
  for (const io::ResolvedPeer& peer : answer.peers) out.push_back(peer.address);
  const auto key = [](const SocketAddress& each) { return std::make_tuple(each.is_ipv6(), each.address_bytes()); };
  std::sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return out;
}

// As the configuration's own addresses are called (config/proxy_pass.cc). However a client spells it, it is one name:
// the pool knows an upstream's connections by it.
std::string text_of(const RunTimeName& name) {
  return lowered(name.host) + ":" + std::to_string(name.port);
}

}  // namespace

std::string_view RunTimeUpstreams::key_of(std::string_view host, uint16_t port, const PassResolver& resolver,
                                          Arena& arena) {
  char* text = arena.allocate(host.size() + 1 + sizeof port + resolver.key.size());
  size_t size = 0;
  for (const char c : host) text[size++] = to_lower(c);
  text[size++] = ':';
  text[size++] = static_cast<char>(port >> 8);
  text[size++] = static_cast<char>(port & 0xff);
  resolver.key.copy(text + size, resolver.key.size());
  return {text, size + resolver.key.size()};
}

RunTimeUpstream* RunTimeUpstreams::find(const RunTimeName& name) {
  const auto found = names_.find(name.key);
  if (found == names_.end() || found->second.upstream == nullptr) return nullptr;
  const MonoMs now = core_.loop().now();
  if (found->second.upstream->good_until <= now) return nullptr;
  found->second.used_at = now;
  return found->second.upstream.get();
}

void RunTimeUpstreams::ask(const RunTimeName& name, const std::shared_ptr<const PassResolver>& resolver, OnDone done) {
  static const std::string no_resolver = "no resolver is there", too_many = "too many names are in use";
  if (!core_.options().resolve) return done(nullptr, no_resolver);
  auto found = names_.find(name.key);
  if (found == names_.end()) {
    if (names_.size() >= kMostNames && !make_place()) return done(nullptr, too_many);
    found = names_.try_emplace(std::string(name.key)).first;
  }
  found->second.used_at = core_.loop().now();
  found->second.waiting.push_back(std::move(done));
  watch();
  if (found->second.waiting.size() > 1) return;
  io::DnsQuestion question = resolver->question;
  question.host = lowered(name.host);
  question.port = name.port;
  core_.options().resolve(question, resolver->valid,
                          [this, alive = std::weak_ptr<int>(alive_), key = found->first, text = text_of(name),
                           resolver](const Result<io::ResolveAnswer>& answer, MonoMs good_until) {
                            if (!alive.expired()) answered(key, text, resolver, answer, good_until);
                          });
}

// False: every name is being asked for or used.
bool RunTimeUpstreams::make_place() {
  auto oldest = names_.end();
  for (auto at = names_.begin(); at != names_.end(); ++at) {
    const Name& each = at->second;
    if (!each.waiting.empty() || (each.upstream != nullptr && each.upstream->uses > 0)) continue;
    if (oldest == names_.end() || each.used_at < oldest->second.used_at) oldest = at;
  }
  if (oldest == names_.end()) return false;
  retire(std::move(oldest->second.upstream));
  names_.erase(oldest);
  return true;
}

void RunTimeUpstreams::answered(const std::string& key, const std::string& text,
                                const std::shared_ptr<const PassResolver>& resolver,
                                const Result<io::ResolveAnswer>& answer, MonoMs good_until) {
  const auto found = names_.find(key);
  if (found == names_.end()) return;
  Name& name = found->second;
  if (answer) {
    std::vector<SocketAddress> addresses = addresses_of(*answer);
    if (name.upstream == nullptr || name.upstream->addresses != addresses) {
      auto fresh = make(text, *resolver, std::move(addresses), name.upstream.get());
      retire(std::exchange(name.upstream, std::move(fresh)));
    }
    // Another worker may have asked long ago; who has waited is answered in any case.
    name.upstream->good_until = std::max(good_until, core_.loop().now() + 1);
  }
  RunTimeUpstream* const upstream = answer ? name.upstream.get() : nullptr;
  const std::string why = answer ? std::string() : answer.error();
  const std::vector<OnDone> waiting = std::exchange(name.waiting, {});
  // Whoever is told may have others forgotten: it stays while they are.
  if (upstream != nullptr) hold(*upstream);
  for (const OnDone& done : waiting) done(upstream, why);
  if (upstream != nullptr) release(*upstream);
}

std::unique_ptr<RunTimeUpstream> RunTimeUpstreams::make(const std::string& text, const PassResolver& resolver,
                                                        std::vector<SocketAddress> addresses,
                                                        const RunTimeUpstream* former) {
  auto made = std::make_unique<RunTimeUpstream>();
  policy::ClusterOptions options = resolver.cluster;
  options.name = text;
  options.start = static_cast<uint32_t>(core_.rng().next());
  std::vector<std::shared_ptr<policy::PeerState>> states;
  for (const SocketAddress& address : addresses) {
    policy::PeerOptions peer;
    peer.address = address;
    peer.name = address.to_string();
    peer.server = text;
    std::shared_ptr<policy::PeerState> state;
    if (former != nullptr) {  // whom the former answer had is known
      const auto known = std::find(former->addresses.begin(), former->addresses.end(), address);
      if (known != former->addresses.end())
        state = former->site.cluster->primaries()[static_cast<size_t>(known - former->addresses.begin())].state;
    }
    states.push_back(state != nullptr ? std::move(state) : std::make_shared<policy::PeerState>(peer.passive));
    options.peers.push_back(std::move(peer));
  }
  made->addresses = std::move(addresses);
  made->site.budget = std::make_shared<policy::RetryBudget>(options.retry_budget_percent, options.retry_budget_min);
  made->site.inflight = std::make_shared<std::atomic<uint32_t>>(0);
  made->site.settings.pool = resolver.pool;
  made->site.implicit = true;
  made->site.cluster = std::make_unique<policy::Cluster>(std::move(options), std::move(states));
  made->worker = make_worker_cluster(core_, made->site, former == nullptr ? nullptr : &former->worker);
  if (former != nullptr)
    for (const TlsPeers& each : former->worker.tls)
      made->worker.tls.push_back({each.identity, name_peers(core_, made->site, each.identity)});
  return made;
}

void RunTimeUpstreams::hold(RunTimeUpstream& upstream) const {
  ++upstream.uses;
}

void RunTimeUpstreams::release(RunTimeUpstream& upstream) {
  if (--upstream.uses > 0 || upstream.is_named) return;
  const auto at =
      std::find_if(replaced_.begin(), replaced_.end(), [&](const auto& each) { return each.get() == &upstream; });
  gone_.push_back(std::move(*at));
  replaced_.erase(at);
}

void RunTimeUpstreams::retire(std::unique_ptr<RunTimeUpstream> upstream) {
  if (upstream == nullptr) return;
  upstream->is_named = false;
  (upstream->uses > 0 ? replaced_ : gone_).push_back(std::move(upstream));
}

void RunTimeUpstreams::watch() {
  if (!look_.armed() && !core_.draining()) core_.loop().arm(look_, core_.loop().now() + kLookEvery);
}

void RunTimeUpstreams::on_deadline(Deadline&) {
  const MonoMs now = core_.loop().now();
  for (auto at = names_.begin(); at != names_.end();) {
    Name& each = at->second;
    const bool used = !each.waiting.empty() || (each.upstream != nullptr && each.upstream->uses > 0) ||
                      now - each.used_at < kIdle.count();
    if (!used) retire(std::move(each.upstream));
    at = used ? std::next(at) : names_.erase(at);
  }
  if (!names_.empty()) watch();
}

}  // namespace weir::proxy
