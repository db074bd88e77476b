#include "io/resolver.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/localhost.h"
#include "base/start_thread.h"
#include "io/dns_channels.h"

namespace weir::io {
namespace {

constexpr MonoMs kLeastHold = 1'000;
constexpr MonoMs kMostHold = 3'600'000;

MonoMs hold_of(const DnsQuestion& question, Millis valid, const ResolveAnswer& answer) {
  if (is_localhost(question.host) || SocketAddress::from_ip(question.host, 0)) return kMostHold;
  const MonoMs wanted = valid.count() > 0 ? valid.count() : MonoMs{answer.ttl_seconds} * 1000;
  return std::clamp(wanted, kLeastHold, kMostHold);
}

}  // namespace

Resolver::Resolver() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Resolver::~Resolver() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void Resolver::ask(const DnsQuestion& question, Millis valid, ResolveTold told) {
  {
    const std::lock_guard lock(mutex_);
    bool runs = wake_.get() >= 0;
    if (runs && !thread_.joinable()) {
      Result<std::thread> thread = start_thread([this] { serve(); });
      runs = thread.has_value();
      if (runs) thread_ = std::move(*thread);
    }
    if (runs) {
      asked_.push_back({{question, valid}, std::move(told)});
      if (asked_.size() == 1) ::eventfd_write(wake_.get(), 1);
      return;
    }
  }
  told(host_not_found(question.name(), "no thread or descriptor left to ask with"), 0);
}

bool Resolver::take(std::vector<Request>& into) {
  eventfd_t count = 0;
  (void)::eventfd_read(wake_.get(), &count);
  const std::lock_guard lock(mutex_);
  into.swap(asked_);
  return !ending_;
}

void Resolver::serve() {
  DnsChannels channels;
  std::vector<Request> asked;
  while (take(asked)) {
    expire(monotonic_ms());
    // So neither the servers that the system had once stay for good nor those that a reload took away. c-ares may still
    // be at questions that have run out here: nobody waits for what it says of them.
    if (under_way_.empty()) channels.clear();
    for (Request& each : asked) begin(channels, std::move(each));
    asked.clear();
    channels.turn(next_end() - monotonic_ms(), wake_.get());
  }
  under_way_.clear();  // what the channels say at their end is nobody's
}

void Resolver::begin(DnsChannels& channels, Request asked) {
  const MonoMs now = monotonic_ms();
  const auto known = answers_.find(asked.question);
  if (known != answers_.end()) {
    if (known->second.good_until > now) return asked.told(known->second.answer, known->second.good_until);
    answers_.erase(known);
  }
  const auto same = under_way_.find(asked.question);
  if (same != under_way_.end()) {
    same->second.told.push_back(std::move(asked.told));
    return;
  }
  const DnsQuestion& dns = asked.question.dns;
  if (under_way_.size() >= kMostUnderWay)
    return asked.told(host_not_found(dns.name(), "too many names are being asked for"), 0);
  ares_channel channel = channels.of(dns.servers);
  if (channel == nullptr) return asked.told(host_not_found(dns.name(), "the resolver cannot be set up"), 0);
  const uint64_t number = ++questions_;
  UnderWay& begun = under_way_[asked.question];
  begun.number = number;
  begun.end = now + dns.timeout.count();
  begun.told.push_back(std::move(asked.told));
  ask_dns(channel, dns, [this, question = asked.question, number](Result<ResolveAnswer> answer) {
    receive(question, number, std::move(answer));
  });
}

// `number`: a question that has run out may have been put again since.
void Resolver::receive(const Question& question, uint64_t number, Result<ResolveAnswer> answer) {
  const auto found = under_way_.find(question);
  if (found == under_way_.end() || found->second.number != number) return;
  const std::vector<ResolveTold> told = std::move(found->second.told);
  under_way_.erase(found);
  MonoMs good_until = 0;
  if (answer) {
    good_until = monotonic_ms() + hold_of(question.dns, question.valid, *answer);
    remember(question, *answer, good_until);
  }
  for (const ResolveTold& each : told) each(answer, good_until);
}

void Resolver::remember(const Question& question, const ResolveAnswer& answer, MonoMs good_until) {
  if (answers_.size() >= kMostAnswers)
    answers_.erase(std::min_element(answers_.begin(), answers_.end(), [](const auto& a, const auto& b) {
      return a.second.good_until < b.second.good_until;
    }));
  answers_[question] = {answer, good_until};
}

void Resolver::expire(MonoMs now) {
  std::vector<std::pair<Question, uint64_t>> late;
  for (const auto& [question, under_way] : under_way_)
    if (under_way.end <= now) late.emplace_back(question, under_way.number);
  for (const auto& [question, number] : late)
    receive(question, number, host_not_found(question.dns.name(), "timed out"));
}

MonoMs Resolver::next_end() const {
  MonoMs next = kNever;
  for (const auto& [question, under_way] : under_way_) next = std::min(next, under_way.end);
  return next;
}

}  // namespace weir::io
