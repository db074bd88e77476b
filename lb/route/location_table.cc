// Building the trie of locations, and nginx's search over it.
#include "route/location_table.h"

#include <algorithm>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::route {
namespace {

size_t common_length(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

template <class Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Labels are short: cheaper than memcmp's call.
bool same(const char* a, const char* b, size_t size) {
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8)
      if (load<uint64_t>(a + i) != load<uint64_t>(b + i)) return false;
    return load<uint64_t>(a + size - 8) == load<uint64_t>(b + size - 8);
  }
  if (size >= 4)
    return load<uint32_t>(a) == load<uint32_t>(b) && load<uint32_t>(a + size - 4) == load<uint32_t>(b + size - 4);
  for (size_t i = 0; i < size; ++i)
    if (a[i] != b[i]) return false;
  return true;
}

constexpr uint32_t kNobody = UINT32_MAX;

}  // namespace

LocationTable::Entry& LocationTable::entry_of(std::string_view text) {
  const auto [it, fresh] = building_.emplace(text, static_cast<int>(entries_.size()));
  if (fresh) entries_.emplace_back().text = text;
  return entries_[static_cast<size_t>(it->second)];
}

Status<> LocationTable::add(LocationKind kind, std::string_view pattern, int index, const LocationTable* nested,
                            bool slash_redirect) {
  const auto duplicate = [&] { return Unexpected{"duplicate location \"" + std::string(pattern) + "\""}; };
  switch (kind) {
    case LocationKind::kNamed:
      if (!named_.emplace(pattern, index).second) return duplicate();
      return Void{};
    case LocationKind::kRegex:
    case LocationKind::kRegexNoCase: {
      auto regex = Regex::compile(pattern, kind == LocationKind::kRegexNoCase);
      if (!regex) return Unexpected{"invalid regex in location \"" + std::string(pattern) + "\": " + regex.error()};
      regexes_.push_back({std::move(*regex), index, nested});
      return Void{};
    }
    case LocationKind::kExact: {
      Entry& entry = entry_of(pattern);
      if (entry.exact != kNone) return duplicate();
      entry.exact = index;
      entry.slash_redirect = entry.slash_redirect || slash_redirect;
      return Void{};
    }
    case LocationKind::kPrefix:
    case LocationKind::kPrefixFinal: {
      Entry& entry = entry_of(pattern);
      if (entry.prefix != kNone) return duplicate();
      entry.prefix = index;
      entry.skips_regexes = kind == LocationKind::kPrefixFinal;
      entry.slash_redirect = entry.slash_redirect || slash_redirect;
      entry.nested = nested;
      return Void{};
    }
  }
  return Void{};
}

void LocationTable::freeze() {
  if (entries_.empty()) return;
  for (size_t i = 0, n = entries_.size(); i < n; ++i) {
    const std::string text = entries_[i].text;
    if (!entries_[i].slash_redirect || text.size() < 2 || text.back() != '/') continue;
    const int target = entries_[i].exact != kNone ? entries_[i].exact : entries_[i].prefix;
    entry_of(std::string_view(text).substr(0, text.size() - 1)).redirect = target;
  }
  building_ = {};
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.text < b.text; });
  build_trie();
  for (const Entry& entry : entries_)
    targets_.push_back({entry.exact, entry.prefix, entry.redirect, entry.skips_regexes, entry.nested});
  entries_ = {};
}

void LocationTable::build_trie() {
  nodes_.clear();
  first_bytes_.clear();
  labels_.clear();
  if (entries_.empty()) return;
  // Breadth first, so that children lie side by side. A span of sorted texts has in common what its ends have.
  struct Span {
    size_t begin, end;  // entries
    size_t depth;       // bytes that the node's ancestors stand for
  };
  std::vector<Span> spans{{0, entries_.size(), 0}};  // by node
  nodes_.emplace_back();
  first_bytes_ += '\0';  // nobody looks for the root
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Span span = spans[i];
    const std::string_view front = entries_[span.begin].text;
    const size_t depth = common_length(front, entries_[span.end - 1].text);
    nodes_[i].label = static_cast<uint32_t>(labels_.size());
    nodes_[i].label_size = static_cast<uint32_t>(depth - span.depth);
    const std::string_view label = front.substr(span.depth, depth - span.depth);
    labels_ += label;
    if (label.size() <= Node::kHead) label.copy(nodes_[i].head, Node::kHead);
    size_t at = span.begin;
    if (front.size() == depth) nodes_[i].target = static_cast<int>(at++);
    nodes_[i].first_child = static_cast<uint32_t>(nodes_.size());
    while (at < span.end) {
      const char byte = entries_[at].text[depth];
      size_t next = at;
      while (next < span.end && entries_[next].text[depth] == byte) ++next;
      spans.push_back({at, next, depth});
      nodes_.emplace_back();
      first_bytes_ += byte;
      if (nodes_[i].children < Node::kFirstBytes) nodes_[i].first_bytes[nodes_[i].children] = byte;
      ++nodes_[i].children;
      at = next;
    }
  }
}

uint32_t LocationTable::child_of(const Node& node, char byte) const {
#ifdef __SSE2__
  if (node.children <= Node::kFirstBytes) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(node.first_bytes));
    const int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)));
    const unsigned found = static_cast<unsigned>(equal) & ((1u << node.children) - 1);
    return found == 0 ? kNobody : node.first_child + static_cast<uint32_t>(__builtin_ctz(found));
  }
#endif
  if (node.children == 0) return kNobody;
  const char* const bytes = first_bytes_.data() + node.first_child;
  const void* const found = std::memchr(bytes, byte, node.children);
  return found == nullptr ? kNobody : node.first_child + static_cast<uint32_t>(static_cast<const char*>(found) - bytes);
}

// The target of the longest prefix location that `path` starts with, or (`whole`) of exactly this text.
const LocationTable::Target* LocationTable::longest(std::string_view path, bool& whole) const {
  const Target* best = nullptr;
  whole = false;
  if (nodes_.empty()) return nullptr;
  const Node* const nodes = nodes_.data();
  const char* at = path.data();
  size_t left = path.size();
  for (uint32_t i = 0; i != kNobody;) {
    const Node& node = nodes[i];
    const size_t size = node.label_size;
    if (size > left || !same(at, size <= Node::kHead ? node.head : labels_.data() + node.label, size)) break;
    at += size;
    left -= size;
    if (node.target != kNone) {
      const Target& target = targets_.data()[node.target];
      if (left == 0) {
        whole = true;
        return &target;
      }
      if (target.prefix != kNone) best = &target;
    }
    if (left == 0) break;
    i = child_of(node, *at);
  }
  return best;
}

// ngx_http_core_find_location: kFinal is its NGX_OK and NGX_DONE, kPrefix its NGX_AGAIN, kNothing its NGX_DECLINED.
LocationTable::Search LocationTable::search(std::string_view path, LocationMatch& match, RegexMatch& captures) const {
  Search result = Search::kNothing;
  bool skips_regexes = false;
  bool whole = false;
  const Target* target = longest(path, whole);
  if (whole && target->exact != kNone) {
    match.index = target->exact;
    return Search::kFinal;
  }
  if (whole && target->prefix == kNone) {  // then it is here for a redirect alone
    match.index = target->redirect;
    match.add_slash = true;
    return Search::kFinal;
  }
  if (target != nullptr) {
    match.index = target->prefix;
    skips_regexes = target->skips_regexes;
    result = Search::kPrefix;
    if (target->nested != nullptr) {
      const Search inner = target->nested->search(path, match, captures);
      if (inner == Search::kFinal) return inner;
    }
  }
  if (skips_regexes) return result;
  for (const Pattern& pattern : regexes_) {
    const Regex::Outcome outcome = pattern.regex.run(path, &captures);
    if (outcome == Regex::Outcome::kNo) continue;  // what an enclosing one captured stands until one matches
    match.index = pattern.index;
    match.regex = &pattern.regex;
    if (outcome == Regex::Outcome::kFailed) {
      match.index = -1;
      return Search::kFinal;
    }
    if (pattern.nested != nullptr) pattern.nested->search(path, match, captures);
    return Search::kFinal;
  }
  return result;
}

LocationMatch LocationTable::find(std::string_view path, RegexMatch* captures) const {
  LocationMatch match;
  RegexMatch unused;
  search(path, match, captures != nullptr ? *captures : unused);
  return match;
}

int LocationTable::find_named(std::string_view name) const {
  const auto it = named_.find(name);
  return it == named_.end() ? -1 : it->second;
}

}  // namespace weir::route
