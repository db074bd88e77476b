// PCRE2 behind one small class, with limits so that no pattern can stall a worker.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir {

// Captures of one match: views into the subject. Index 0 is the whole match.
struct RegexMatch {
  static constexpr int kMost = 32;  // $0, and groups 1 to 31: $1..$9, and those with names
  int count = 0;
  union {
    std::string_view group[kMost];  // the first `count` are set
  };

  RegexMatch() {}
  RegexMatch(const RegexMatch& other) { *this = other; }
  RegexMatch& operator=(const RegexMatch& other) {
    count = other.count;
    for (int i = 0; i < count; ++i) group[i] = other.group[i];
    return *this;
  }
};

class Regex {
 public:
  // Error text names the offset: "unmatched closing parenthesis at offset 3". A named group beyond those that a match
  // keeps is an error too.
  static Result<Regex> compile(std::string_view pattern, bool ignore_case);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // kFailed: it would take too many steps, or too much memory, to tell. Clients can see to that: what keeps requests
  // out must refuse then.
  enum class Outcome : uint8_t { kNo, kYes, kFailed };
  // `out` may be null. Thread-safe. Allocation-free after the first match on a thread, but for one that takes many
  // steps.
  Outcome run(std::string_view subject, RegexMatch* out) const;
  // For what nothing depends on: a failed match is none.
  bool match(std::string_view subject, RegexMatch* out) const { return run(subject, out) == Outcome::kYes; }
  bool matches(std::string_view subject) const { return match(subject, nullptr); }
  std::string_view pattern() const;
  // (name, group index) of named groups.
  const std::vector<std::pair<std::string, int>>& names() const { return names_; }
  int groups() const { return groups_; }

 private:
  struct Code;
  Regex() = default;
  // What every match begins with. Of thousands of rules most are told apart by it: PCRE2 takes some ten times as long
  // to say no.
  std::string beginning_;
  std::unique_ptr<Code> code_;
  std::vector<std::pair<std::string, int>> names_;
  int groups_ = 0;
};

}  // namespace weir
