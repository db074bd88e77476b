#include "runtime/running_text.h"

#include "runtime/limit_tables.h"

namespace weir::runtime {
namespace {

std::string in_brackets(const std::string& why) {
  return why.empty() ? "" : " (" + why + ")";
}

// Of a bucket: "1.250".
std::string thousandths(int64_t number) {
  const std::string rest = std::to_string(number % 1000);
  return std::to_string(number / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

}  // namespace

std::string why_out(const RunningFacts& facts, const std::string& upstream, const policy::Peer& peer) {
  using Mode = PeerOverride::Mode;
  const PeerOverride* said = facts.overrides.peer(upstream, peer.options.name);
  const Mode mode = said == nullptr ? Mode::kNone : said->mode;
  if (mode == Mode::kDown) return "down by hand" + in_brackets(said->why);
  if (mode == Mode::kDrained) return "drained by hand" + in_brackets(said->why);
  if (mode == Mode::kDrain) return "draining by hand" + in_brackets(said->why);
  if (peer.options.down) return "down by the configuration";
  if (peer.options.drain) return "draining by the configuration";
  const policy::PeerState* state = facts.peer(upstream, peer);
  if (state == nullptr) return "";
  if (state->check_down) return "down by its check";
  if (const MonoMs until = state->passive.ejected_until(); until > facts.now)
    return "ejected, " + std::to_string((until - facts.now + 999) / 1000) + " s left";
  else if (until != 0)
    return "ejected, one request may try it";
  const uint32_t inflight = state->inflight.load(std::memory_order_relaxed);
  if (peer.options.max_conns != 0 && inflight >= peer.options.max_conns)
    return "full, max_conns=" + std::to_string(peer.options.max_conns);
  return "";
}

std::string load_text(const RunningFacts& facts, const std::string& upstream, const policy::Peer& peer) {
  const policy::PeerState* state = facts.peer(upstream, peer);
  const uint32_t inflight = state == nullptr ? 0 : state->inflight.load(std::memory_order_relaxed);
  return std::to_string(inflight) + (inflight == 1 ? " request" : " requests") + " in flight";
}

std::string why_not_chosen(const policy::Cluster& cluster, const policy::Peer& peer, const policy::Peer* chosen,
                           const DryRun& run) {
  using policy::Method;
  if (chosen == nullptr) return "it was tried";
  if (!run.bound.empty()) return "the request is bound";
  if (peer.options.backup && !chosen->options.backup) return "a primary can be had";
  switch (cluster.method()) {
    case Method::kRoundRobin: return "another's turn; each worker has turns of its own";
    case Method::kLeastConn: return "not the fewest for its weight, or another's turn";
    case Method::kIpHash:
    case Method::kHash:
    case Method::kHashConsistent: return "the key falls on another";
    case Method::kRandom:
    case Method::kRandomTwo:
    case Method::kRandomTwoHeader:
    case Method::kRandomTwoLastByte: return "it was not drawn; the next draw may be another";
    case Method::kLeastTimeHeader:
    case Method::kLeastTimeLastByte: return "it is slower or busier";
  }
  return "";
}

std::string limit_text(const RunningFacts& facts, const DryRun::Limit& limit) {
  const std::string name = (limit.most != 0 ? "limit_conn " : "limit_req ") + limit.zone->name;
  if (limit.key.empty()) return name + ": its key is empty, it does not count";
  const std::string table = limit_key(*limit.zone);
  if (limit.most != 0) {
    const auto found = facts.in_use.connections.find(table);
    const uint32_t count = found == facts.in_use.connections.end() ? 0 : found->second->count(limit.key);
    return name + ": " + std::to_string(count) + " of " + std::to_string(limit.most) + " under way, " +
           (count < limit.most ? "one more passes" : "one more is rejected");
  }
  const auto found = facts.in_use.rates.find(table);
  const policy::RateTable::Answer answer = found == facts.in_use.rates.end()
                                               ? policy::RateTable::Answer{}
                                               : found->second->look(limit.key, limit.rate, facts.now);
  std::string text = name + ": with one more " + thousandths(answer.excess) + " over the rate, burst " +
                     std::to_string(limit.rate.burst / policy::RateLimit::kRequest) + ", ";
  if (!answer.passes) return text + "it is rejected";
  const int64_t wait = limit.rate.wait(answer.excess);
  return text + (wait > 0 ? "it waits " + std::to_string(wait) + " ms" : "it passes at once");
}

}  // namespace weir::runtime
