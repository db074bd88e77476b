// Building the trie of locations, and nginx's search over it.
#include "route/location_table.h"

#include <algorithm>
#include <cstring>

namespace weir::route {
namespace {

size_t common_length(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

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
  for (size_t i = 0, n = entries_.size(); i < n; ++i) {
    const std::string text = entries_[i].text;
    if (!entries_[i].slash_redirect || text.size() < 2 || text.back() != '/') continue;
    const int target = entries_[i].exact != kNone ? entries_[i].exact : entries_[i].prefix;
    entry_of(std::string_view(text).substr(0, text.size() - 1)).redirect = target;
  }
  building_ = {};
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.text < b.text; });
  build_trie();
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
    labels_ += front.substr(span.depth, depth - span.depth);
    size_t at = span.begin;
    if (front.size() == depth) nodes_[i].entry = static_cast<int>(at++);
    nodes_[i].first_child = static_cast<uint32_t>(nodes_.size());
    while (at < span.end) {
      const char byte = entries_[at].text[depth];
      size_t next = at;
      while (next < span.end && entries_[next].text[depth] == byte) ++next;
      spans.push_back({at, next, depth});
      nodes_.emplace_back();
      first_bytes_ += byte;
      ++nodes_[i].children;
      at = next;
    }
  }
}

// The entry of the longest prefix location that `path` starts with, or (`whole`) the entry of exactly this text.
const LocationTable::Entry* LocationTable::longest(std::string_view path, bool& whole) const {
  const Entry* best = nullptr;
  whole = false;
  if (nodes_.empty()) return nullptr;
  for (size_t at = 0, i = 0;;) {
    const Node& node = nodes_[i];
    if (!path.substr(at).starts_with(std::string_view(labels_).substr(node.label, node.label_size))) break;
    at += node.label_size;
    whole = at == path.size();
    if (node.entry != kNone) {
      const Entry& entry = entries_[static_cast<size_t>(node.entry)];
      if (whole) return &entry;
      if (entry.prefix != kNone) best = &entry;
    }
    if (whole || node.children == 0) break;
    const char* const bytes = first_bytes_.data() + node.first_child;
    const void* const found = std::memchr(bytes, path[at], node.children);
    if (found == nullptr) break;
    i = node.first_child + static_cast<size_t>(static_cast<const char*>(found) - bytes);
  }
  whole = false;
  return best;
}

// ngx_http_core_find_location: kFinal is its NGX_OK and NGX_DONE, kPrefix its NGX_AGAIN, kNothing its NGX_DECLINED.
LocationTable::Search LocationTable::search(std::string_view path, LocationMatch& match) const {
  Search result = Search::kNothing;
  bool skips_regexes = false;
  bool whole = false;
  const Entry* entry = longest(path, whole);
  if (whole && entry->exact != kNone) {
    match.index = entry->exact;
    return Search::kFinal;
  }
  if (whole && entry->prefix == kNone) {  // then it is here for a redirect alone
    match.index = entry->redirect;
    match.add_slash = true;
    return Search::kFinal;
  }
  if (entry != nullptr) {
    match.index = entry->prefix;
    skips_regexes = entry->skips_regexes;
    result = Search::kPrefix;
    if (entry->nested != nullptr) {
      const Search inner = entry->nested->search(path, match);
      if (inner == Search::kFinal) return inner;
    }
  }
  if (skips_regexes) return result;
  for (const Pattern& pattern : regexes_) {
    RegexMatch captures;  // of its own: the captures of an enclosing regex stand until an inner one matches
    if (!pattern.regex.match(path, &captures)) continue;
    match.index = pattern.index;
    match.regex = &pattern.regex;
    match.captures = captures;
    if (pattern.nested != nullptr) pattern.nested->search(path, match);
    return Search::kFinal;
  }
  return result;
}

LocationMatch LocationTable::find(std::string_view path) const {
  LocationMatch match;
  search(path, match);
  return match;
}

int LocationTable::find_named(std::string_view name) const {
  const auto it = named_.find(name);
  return it == named_.end() ? -1 : it->second;
}

}  // namespace weir::route
