// Resolving with a memory.
#include "runtime/names.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/localhost.h"
#include "base/log.h"

namespace weir::runtime {
namespace {

constexpr Millis kLoad{5'000};
constexpr Millis kRefresh{3'000};
constexpr MonoMs kRetry = 5'000;
constexpr MonoMs kPause = 250;  // a thousand names whose answers run out one by one are no thousand refreshes
constexpr MonoMs kLeastHold = 1'000;
constexpr MonoMs kMostHold = 3'600'000;

std::set<NameQuestion> questions_of(const config::Model& model) {
  std::set<NameQuestion> questions;
  for (const config::UpstreamModel& upstream : model.upstreams)
    for (const config::UpstreamServer& server : upstream.servers)
      if (!server.host.empty()) questions.insert(question_of(upstream, server));
  return questions;
}

// One order on every machine of a fleet and after every answer: servers rotate theirs, and balancers that hash count.
void sort(std::vector<io::ResolvedPeer>& peers) {
  const auto key = [](const io::ResolvedPeer& peer) {
    return std::make_tuple(peer.address.is_ipv6(), peer.address.address_bytes(), peer.address.port());
  };
  std::sort(peers.begin(), peers.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

std::string list_of(const std::vector<io::ResolvedPeer>& peers) {
  constexpr size_t kMost = 16;
  std::string text;
  for (size_t i = 0; i < std::min(peers.size(), kMost); ++i) {
    text += (i == 0 ? "" : ", ") + peers[i].address.to_string();
    if (peers[i].weight != 0) text += " weight=" + std::to_string(peers[i].weight);
    if (peers[i].backup) text += " backup";
  }
  if (peers.size() > kMost) text += " and " + std::to_string(peers.size() - kMost) + " more";
  return text;
}

MonoMs hold_of(const NameQuestion& question, const io::ResolveAnswer& answer) {
  const MonoMs wanted = question.valid.count() > 0 ? question.valid.count() : MonoMs{answer.ttl_seconds} * 1000;
  return std::clamp(wanted, kLeastHold, kMostHold);
}

}  // namespace

std::string NameQuestion::text() const {
  return dns.service.empty() ? dns.host + ":" + std::to_string(dns.port) : dns.name();
}

NameQuestion question_of(const config::UpstreamModel& upstream, const config::UpstreamServer& server) {
  NameQuestion question;
  question.dns.host = server.host;
  question.dns.port = server.port;
  question.dns.service = server.service;
  question.dns.servers = upstream.resolver.servers;
  question.dns.ipv4 = upstream.resolver.ipv4;
  question.dns.ipv6 = upstream.resolver.ipv6;
  question.dns.timeout = upstream.resolver.timeout;
  question.resolve = server.resolve;
  question.valid = upstream.resolver.valid;
  return question;
}

bool is_resolved_once(const config::UpstreamServer& server) {
  return !server.host.empty() && !server.resolve && !is_localhost(server.host);
}

bool resolves_once(const config::Model& model) {
  return std::any_of(model.upstreams.begin(), model.upstreams.end(), [](const config::UpstreamModel& upstream) {
    return std::any_of(upstream.servers.begin(), upstream.servers.end(), is_resolved_once);
  });
}

std::vector<std::string> names_resolved_once(const config::Model& model) {
  std::vector<std::string> names;
  for (const config::UpstreamModel& upstream : model.upstreams)
    for (const config::UpstreamServer& server : upstream.servers)
      if (is_resolved_once(server) && std::find(names.begin(), names.end(), server.written) == names.end())
        names.push_back(server.written);
  return names;
}

NameBook::NameBook() : NameBook(io::resolve_all, monotonic_ms) {}

ResolveName NameBook::fresh(const config::Model& model) {
  const std::set<NameQuestion> wanted = questions_of(model);
  const std::vector<NameQuestion> questions(wanted.begin(), wanted.end());
  auto answers = ask(questions, kLoad, false);
  learned_ = std::exchange(news_due_, kNever) != kNever;
  for (size_t i = 0; i < questions.size(); ++i) {
    const bool was_known = known_.contains(questions[i]);
    if (learn(questions[i], answers[i]) && was_known) learned_ = true;
  }
  return known();
}

ResolveName NameBook::known() {
  return [this](const NameQuestion& question) -> Result<std::vector<io::ResolvedPeer>> {
    const auto found = known_.find(question);
    if (found == known_.end()) return Unexpected{std::string("host not found")};
    if (found->second.peers.empty()) return Unexpected{found->second.why};
    return found->second.peers;
  };
}

bool NameBook::refresh(const config::Model& in_force) {
  const std::set<NameQuestion> wanted = questions_of(in_force);
  std::erase_if(known_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::vector<NameQuestion> questions;
  const MonoMs now = now_();
  for (const NameQuestion& question : wanted)
    if (known_[question].due <= now) questions.push_back(question);
  interrupted_.store(false);
  auto answers = ask(questions, kRefresh, true);
  learned_ = news_due_ <= now;
  if (learned_) news_due_ = kNever;
  for (size_t i = 0; i < questions.size(); ++i) {
    if (!answers[i] && interrupted_.load()) continue;
    if (learn(questions[i], answers[i])) learned_ = true;
  }
  if (!interrupted_.load()) pause_until_ = now_() + kPause;
  return learned_;
}

MonoMs NameBook::next_due(const config::Model& in_force) const {
  MonoMs next = news_due_;
  for (const NameQuestion& question : questions_of(in_force)) {
    const auto found = known_.find(question);
    next = std::min(next, found == known_.end() ? now_() : found->second.due);
  }
  return std::max(next, pause_until_);
}

void NameBook::not_in_force() {
  if (std::exchange(learned_, false)) news_due_ = std::min(news_due_, now_() + kRetry);
}

void NameBook::note_lost(const NameQuestion& question, bool lost) {
  const auto found = known_.find(question);
  if (found == known_.end() || question.resolve) return;
  Known& known = found->second;
  if (!lost) known.lost = false;
  if (!lost || known.due != kNever || now_() - known.asked_at < kRetry) return;
  known.due = now_();
  if (!std::exchange(known.lost, true))
    log::warn("name \"", question.text(),
              "\": asked for again (no address of it takes a connection: ", list_of(known.peers), ")");
}

// The addresses that this host had with another port, other parameters or another resolver, as this question would have
// them.
std::vector<io::ResolvedPeer> NameBook::last_of_host(const NameQuestion& question) const {
  for (const auto& [other, known] : known_) {
    if (other.dns.host != question.dns.host || other.dns.service != question.dns.service) continue;
    std::vector<io::ResolvedPeer> peers = known.peers;
    std::erase_if(peers, [&](const io::ResolvedPeer& peer) {
      return peer.address.is_ipv4() ? !question.dns.ipv4 : !question.dns.ipv6;
    });
    if (question.dns.service.empty())
      for (io::ResolvedPeer& peer : peers) peer.address.set_port(question.dns.port);
    if (!peers.empty()) return peers;
  }
  return {};
}

std::vector<Result<io::ResolveAnswer>> NameBook::ask(const std::vector<NameQuestion>& questions, Millis most,
                                                     bool refreshing) {
  std::vector<io::DnsQuestion> asked;
  asked.reserve(questions.size());
  for (const NameQuestion& question : questions) asked.push_back(question.dns);
  if (asked.empty()) return {};
  return ask_(asked, most, [this, refreshing] { return cancelled_.load() || (refreshing && interrupted_.load()); });
}

// True when the peers are others than before.
bool NameBook::learn(const NameQuestion& question, Result<io::ResolveAnswer>& answer) {
  Known& known = known_[question];
  known.asked_at = now_();
  if (!answer && known.peers.empty()) known.peers = last_of_host(question);
  const bool was_known = !known.peers.empty();
  if (!answer || (answer->partial && was_known)) {
    known.why = answer ? "some of its targets could not be resolved" : answer.error();
    if (known.due != kNever) known.due = now_() + kRetry;
    if (was_known && !std::exchange(known.failing, true))
      log::warn("name \"", question.text(), "\": not resolved (", known.why,
                "), last addresses kept: ", list_of(known.peers));
    return false;
  }
  const bool was_failing = std::exchange(known.failing, answer->partial);
  // Without `resolve` a name is asked for until it has resolved once.
  known.due = answer->partial ? now_() + kRetry : question.resolve ? now_() + hold_of(question, *answer) : kNever;
  sort(answer->peers);
  const bool changed = answer->peers != known.peers;
  if (was_known && changed)
    log::notice("name \"", question.text(), "\": resolved to ", list_of(answer->peers),
                " (before: ", list_of(known.peers), ")");
  else if (was_known && was_failing)
    log::notice("name \"", question.text(), "\": resolved again, to the same addresses");
  known.peers = std::move(answer->peers);
  return changed;
}

}  // namespace weir::runtime
