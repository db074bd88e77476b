// Host names of upstream servers and what they last resolved to. Used by one thread at a time: the one that builds.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runtime/name_question.h"

namespace weir::runtime {

class NameBook {
 public:
  using Ask = std::function<std::vector<Result<io::ResolveAnswer>>(const std::vector<io::DnsQuestion>& questions,
                                                                   Millis most, const std::function<bool()>& stopped)>;
  using Now = std::function<MonoMs()>;

  // With io::resolve_all and the clock.
  NameBook();
  NameBook(Ask ask, Now now) : ask_(std::move(ask)), now_(std::move(now)) {}

  // For a load: asks for all names of `model` at once, 5 s at most. A name that does not resolve now keeps the
  // addresses that its host had, whatever its port, parameters and resolver were.
  ResolveName fresh(const config::Model& model);
  // Only what is known already: for every other build.
  ResolveName known();
  // Asks for what is due: names without an address, and `resolve` names whose answer has run out or could not be had.
  // True when the peers of one have changed; forgets names that are not in `in_force`. 3 s at most.
  bool refresh(const config::Model& in_force);
  // A name without `resolve` is asked for once. When no address of it takes a connection (`lost`) it has moved: the
  // next refresh() asks again, every 5 s while that lasts.
  void note_lost(const NameQuestion& question, bool lost);
  // When refresh() has something to do; may be past. kNever: nothing is to be asked. What is due about the same time is
  // asked for together.
  MonoMs next_due(const config::Model& in_force) const;
  // What the last fresh() or refresh() was for came to nothing: what it learned is told again by a refresh() to come.
  void not_in_force();

  // From any thread: a refresh() under way ends, and what it has not learned stays due.
  void interrupt() { interrupted_.store(true); }
  // From any thread: every question fails from here on.
  void cancel() { cancelled_.store(true); }

 private:
  struct Known {
    std::vector<io::ResolvedPeer> peers;  // sorted; the last good answer
    std::string why;                      // of the last failure
    bool failing = false;                 // the last answer was none, or not all
    bool lost = false;                    // no address takes a connection, and that was said
    MonoMs asked_at = 0;
    MonoMs due = 0;
  };
  std::vector<Result<io::ResolveAnswer>> ask(const std::vector<NameQuestion>& questions, Millis most, bool refreshing);
  bool learn(const NameQuestion& question, Result<io::ResolveAnswer>& answer);
  std::vector<io::ResolvedPeer> last_of_host(const NameQuestion& question) const;

  Ask ask_;
  Now now_;
  std::map<NameQuestion, Known> known_;
  bool learned_ = false;      // other peers of a name that was known, by the last fresh() or refresh()
  MonoMs news_due_ = kNever;  // refresh() has to tell of them again from then on
  MonoMs pause_until_ = 0;
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> cancelled_{false};
};

}  // namespace weir::runtime
