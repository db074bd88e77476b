#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>

#include <algorithm>

namespace weir {

// Members of Regex::Code, which has a name outside of this file.
struct FreePcreCode {
  void operator()(pcre2_code* c) const { pcre2_code_free(c); }
};
using CodePtr = std::unique_ptr<pcre2_code, FreePcreCode>;

namespace {

PCRE2_SPTR units(std::string_view s) {
  return reinterpret_cast<PCRE2_SPTR>(s.empty() ? "" : s.data());
}

// Of a quick match, in PCRE2's steps. It counts them for each place of the subject that a match may begin at, so that a
// long subject gets fewer for each.
constexpr size_t kQuickSteps = 1'000'000;
constexpr size_t kFewestSteps = 16, kMostSteps = 100'000;
constexpr uint32_t kDepthLimit = 10'000;
constexpr uint32_t kHeapLimitKb = 1024;
// Of a match that is counted: items of the pattern tried, and bytes gone over between them. Some ten milliseconds.
constexpr size_t kMostWork = 2'000'000;
constexpr uint32_t kCountedHeapLimitKb = 16 * 1024;

struct FreeMatchContext {
  void operator()(pcre2_match_context* c) const { pcre2_match_context_free(c); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* d) const { pcre2_match_data_free(d); }
};
using MatchContextPtr = std::unique_ptr<pcre2_match_context, FreeMatchContext>;
using MatchDataPtr = std::unique_ptr<pcre2_match_data, FreeMatchData>;

// A thread's. The data keeps its backtracking frames between matches, which is why a warm thread allocates nothing.
struct Matching {
  Matching() {
    if (!context) return;
    pcre2_set_match_limit(context.get(), steps);
    pcre2_set_depth_limit(context.get(), kDepthLimit);
    pcre2_set_heap_limit(context.get(), kHeapLimitKb);
  }
  void limit(size_t subject_size) {
    const auto most = static_cast<uint32_t>(std::clamp(kQuickSteps / (subject_size + 1), kFewestSteps, kMostSteps));
    if (most != steps) pcre2_set_match_limit(context.get(), steps = most);
  }
  uint32_t steps = kMostSteps;
  const MatchContextPtr context{pcre2_match_context_create(nullptr)};
  const MatchDataPtr data{pcre2_match_data_create(RegexMatch::kMost, nullptr)};
};

Matching& matching() {
  thread_local Matching made;
  return made;
}

struct Work {
  size_t done = 0;
  size_t at = 0;
};

// PCRE2 calls it before each item of the pattern.
int count_work(pcre2_callout_block* block, void* data) {
  auto& work = *static_cast<Work*>(data);
  const size_t at = block->current_position;
  work.done += 1 + std::max(at, work.at) - std::min(at, work.at);
  work.at = at;
  return work.done > kMostWork ? PCRE2_ERROR_CALLOUT : 0;
}

CodePtr compile_pattern(std::string_view pattern, uint32_t options, int& error, PCRE2_SIZE& offset) {
  // \C would let a pattern stop inside a character class's reach; no rule needs it.
  options |= PCRE2_NEVER_BACKSLASH_C;
  return CodePtr(pcre2_compile(units(pattern), pattern.size(), options, &error, &offset, nullptr));
}

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Behind a class's "]"; `at` is at its "[". npos: another "[" is in it, and what that begins (a POSIX name, or nothing)
// is PCRE2's to know.
size_t skip_class(std::string_view pattern, size_t at) {
  ++at;
  if (at < pattern.size() && pattern[at] == '^') ++at;
  if (at < pattern.size() && pattern[at] == ']') ++at;  // the first is one of the class
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '[') return std::string_view::npos;
    at += pattern[at] == '\\' ? 2 : 1;
  }
  return at + 1;
}

// Whether all of a pattern stands behind its "^": no alternative beside it, and nothing by which PCRE2 might read it
// otherwise than is done here: \Q and a stray \E (in a class too), \c with any character behind it, verbs, whose names
// may hold a bracket, comments, options within the pattern, classes with a "[".
bool is_one_sequence(std::string_view pattern) {
  if (pattern.find('|') == std::string_view::npos) return true;
  for (const std::string_view left : {"\\Q", "\\E", "\\c", "(*"})
    if (pattern.find(left) != std::string_view::npos) return false;
  int depth = 0;
  for (size_t at = 0; at < pattern.size();) {
    switch (pattern[at]) {
      case '\\': at += 2; break;
      case '[':
        at = skip_class(pattern, at);
        if (at == std::string_view::npos) return false;
        break;
      case '(':
        if (pattern.substr(at, 2) == "(?" &&
            (at + 2 == pattern.size() || std::string_view(":<P'=!>|").find(pattern[at + 2]) == std::string_view::npos))
          return false;
        ++depth;
        ++at;
        break;
      case ')':
        --depth;
        ++at;
        break;
      case '|':
        if (depth <= 0) return false;
        ++at;
        break;
      default: ++at;
    }
  }
  return true;
}

// The plain characters behind a pattern's "^". Empty where it has no such, or may match without them.
std::string beginning_of(std::string_view pattern) {
  std::string out;
  if (!pattern.starts_with('^') || !is_one_sequence(pattern)) return out;
  for (size_t at = 1; at < pattern.size(); ++at) {
    char c = pattern[at];
    const std::string_view two = pattern.substr(at, 2);
    const bool is_skipped = two == "\\E" || two == "\\Q" || pattern.substr(at, 3) == "(?#";  // a quantifier may follow
    if (c == '*' || c == '?' || c == '{' || is_skipped) {  // the one before may be missing
      if (!out.empty()) out.pop_back();
      break;
    }
    if (std::string_view("^$.[]()+|}").find(c) != std::string_view::npos) break;
    if (c == '\\') {
      if (++at == pattern.size() || is_alnum(pattern[at])) break;
      c = pattern[at];
    }
    out += c;
  }
  return out;
}

}  // namespace

struct Regex::Code {
  // What the quick match gave up on, with all that it does counted, from place to place. A match that takes as long
  // can well afford to have the pattern compiled once more.
  int match_counted(std::string_view subject, pcre2_match_data* data) const;

  CodePtr code;
  std::string pattern;
  uint32_t options;
};

int Regex::Code::match_counted(std::string_view subject, pcre2_match_data* data) const {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const CodePtr counted = compile_pattern(pattern, options | PCRE2_AUTO_CALLOUT, error, offset);
  const MatchContextPtr context(pcre2_match_context_create(nullptr));
  if (!counted || !context) return PCRE2_ERROR_NOMEMORY;
  Work work;
  pcre2_set_callout(context.get(), count_work, &work);
  pcre2_set_heap_limit(context.get(), kCountedHeapLimitKb);
  return pcre2_match(counted.get(), units(subject), subject.size(), 0, 0, data, context.get());
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, bool ignore_case) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const uint32_t options = ignore_case ? PCRE2_CASELESS : 0U;
  CodePtr made = compile_pattern(pattern, options, error, offset);
  if (!made) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(error, text, sizeof text);
    return Unexpected{std::string(reinterpret_cast<const char*>(text)) + " at offset " + std::to_string(offset)};
  }
  Regex out;
  if (!ignore_case) out.beginning_ = beginning_of(pattern);
  const pcre2_code* const code = made.get();
  out.code_ = std::make_unique<Code>(Code{std::move(made), std::string(pattern), options});
  uint32_t groups = 0;
  uint32_t names = 0;
  uint32_t entry_size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &names);
  pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
  pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
  out.groups_ = static_cast<int>(groups);
  for (uint32_t i = 0; i < names; ++i) {
    // Each entry: the group's number, high byte first, then the name with its NUL.
    const PCRE2_SPTR entry = table + i * entry_size;
    const int group = entry[0] << 8 | entry[1];
    std::string name = reinterpret_cast<const char*>(entry + 2);
    if (group >= RegexMatch::kMost)
      return Unexpected{"group \"" + name + "\" is number " + std::to_string(group) + ", no more than " +
                        std::to_string(RegexMatch::kMost - 1) + " are kept"};
    out.names_.emplace_back(std::move(name), group);
  }
  return out;
}

std::string_view Regex::pattern() const {
  return code_->pattern;
}

Regex::Outcome Regex::run(std::string_view subject, RegexMatch* out) const {
  if (!subject.starts_with(beginning_)) return Outcome::kNo;
  Matching& thread = matching();
  if (!thread.context || !thread.data) return Outcome::kFailed;
  thread.limit(subject.size());
  pcre2_match_data* data = thread.data.get();
  int rc = pcre2_match(code_->code.get(), units(subject), subject.size(), 0, 0, data, thread.context.get());
  if (rc == PCRE2_ERROR_NOMATCH) return Outcome::kNo;
  MatchDataPtr counted;  // not the thread's, which would keep its memory
  if (rc < 0) {
    counted.reset(pcre2_match_data_create(RegexMatch::kMost, nullptr));
    data = counted.get();
    if (data == nullptr) return Outcome::kFailed;
    rc = code_->match_counted(subject, data);
    if (rc < 0) return rc == PCRE2_ERROR_NOMATCH ? Outcome::kNo : Outcome::kFailed;
  }
  if (out == nullptr) return Outcome::kYes;
  out->count = rc == 0 ? RegexMatch::kMost : rc;  // 0: more groups than there is room for
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data);
  for (int i = 0; i < out->count; ++i, at += 2) {
    // \K may put the start behind the end.
    const bool set = at[0] != PCRE2_UNSET && at[0] <= at[1];
    out->group[i] = set ? subject.substr(at[0], at[1] - at[0]) : std::string_view();
  }
  return Outcome::kYes;
}

}  // namespace weir
