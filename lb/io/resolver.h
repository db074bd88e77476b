// Asks for names beside the loops, on a thread of its own, which the first question starts. Equal questions that are
// under way are one, whoever puts them; an answer is remembered while it holds. No failure is remembered.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/result.h"
#include "io/dns.h"

namespace weir::io {

class DnsChannels;

// The answer, and until when (on the monotonic clock) it holds. Runs on the resolver's thread and does not block.
using ResolveTold = std::function<void(Result<ResolveAnswer> answer, MonoMs good_until)>;
// How names are asked for: Resolver::ask(), or what a test puts in its place.
using ResolveFunction = std::function<void(const DnsQuestion& question, Millis valid, ResolveTold told)>;

class Resolver {
 public:
  // So many different questions may be under way; further ones fail at once.
  static constexpr size_t kMostUnderWay = 256;
  // So many answers are remembered; of more, the one that runs out first goes.
  static constexpr size_t kMostAnswers = 4096;

  Resolver();
  // Questions under way come to nothing, and nobody is told.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // From any thread. An answer holds for `valid`, or where that is 0 for its TTL: 1 s at least, an hour at most. The
  // question's own timeout counts from when the first of equal ones was put. Errors are text for the operator. Where
  // the system has no thread left, `told` runs before this returns.
  void ask(const DnsQuestion& question, Millis valid, ResolveTold told);

 private:
  struct Question {
    DnsQuestion dns;
    Millis valid{0};
    auto operator<=>(const Question&) const = default;
  };
  struct Request {
    Question question;
    ResolveTold told;
  };
  struct UnderWay {
    uint64_t number = 0;
    MonoMs end = 0;
    std::vector<ResolveTold> told;
  };
  struct Answer {
    ResolveAnswer answer;
    MonoMs good_until = 0;
  };
  void serve();
  bool take(std::vector<Request>& into);
  void begin(DnsChannels& channels, Request asked);
  void receive(const Question& question, uint64_t number, Result<ResolveAnswer> answer);
  void expire(MonoMs now);
  MonoMs next_end() const;
  void remember(const Question& question, const ResolveAnswer& answer, MonoMs good_until);

  const OwnedFd wake_;
  std::mutex mutex_;
  std::vector<Request> asked_;
  bool ending_ = false;
  std::thread thread_;
  // The thread's own.
  std::map<Question, UnderWay> under_way_;
  std::map<Question, Answer> answers_;
  uint64_t questions_ = 0;
};

}  // namespace weir::io
