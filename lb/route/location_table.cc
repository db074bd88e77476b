// Building the sorted array of locations, and nginx's search over it.
#include "route/location_table.h"

#include <algorithm>

namespace weir::route {
namespace {

size_t common_length(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

// Orders as the bytes do; a text that ends early is padded with zeros, so equal keys still need a look at the text.
uint64_t key_of(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < 8; ++i) key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  return key;
}

}  // namespace

LocationTable::Node& LocationTable::node_of(std::string_view text) {
  const auto [it, fresh] = building_.emplace(text, static_cast<int>(nodes_.size()));
  if (fresh) nodes_.emplace_back().text = text;
  return nodes_[static_cast<size_t>(it->second)];
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
      Node& node = node_of(pattern);
      if (node.exact != kNone) return duplicate();
      node.exact = index;
      node.slash_redirect = node.slash_redirect || slash_redirect;
      return Void{};
    }
    case LocationKind::kPrefix:
    case LocationKind::kPrefixFinal: {
      Node& node = node_of(pattern);
      if (node.prefix != kNone) return duplicate();
      node.prefix = index;
      node.skips_regexes = kind == LocationKind::kPrefixFinal;
      node.slash_redirect = node.slash_redirect || slash_redirect;
      node.nested = nested;
      return Void{};
    }
  }
  return Void{};
}

void LocationTable::freeze() {
  for (size_t i = 0, n = nodes_.size(); i < n; ++i) {
    const std::string text = nodes_[i].text;
    if (!nodes_[i].slash_redirect || text.size() < 2 || text.back() != '/') continue;
    const int target = nodes_[i].exact != kNone ? nodes_[i].exact : nodes_[i].prefix;
    node_of(std::string_view(text).substr(0, text.size() - 1)).redirect = target;
  }
  building_ = {};
  std::sort(nodes_.begin(), nodes_.end(), [](const Node& a, const Node& b) { return a.text < b.text; });

  // In sorted order every text that starts with a prefix follows it in one run: the open prefixes are a stack.
  std::vector<int> open;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    while (!open.empty() && !node.text.starts_with(nodes_[static_cast<size_t>(open.back())].text)) open.pop_back();
    node.parent = open.empty() ? kNone : open.back();
    if (node.prefix != kNone) open.push_back(static_cast<int>(i));
  }

  skip_ = nodes_.empty() ? 0 : common_length(nodes_.front().text, nodes_.back().text);
  keys_.clear();
  for (const Node& node : nodes_) keys_.push_back(key_of(std::string_view(node.text).substr(skip_)));
}

// The node whose prefix is the longest that `path` starts with, or (`whole`) the node of exactly this text. The
// greatest text that is not greater than the path starts with that prefix, or is it: so its chain of parents holds the
// answer.
const LocationTable::Node* LocationTable::longest(std::string_view path, bool& whole) const {
  whole = false;
  if (nodes_.empty()) return nullptr;
  const std::string_view shared = std::string_view(nodes_.front().text).substr(0, skip_);
  if (!path.starts_with(shared)) return nullptr;
  const uint64_t key = key_of(path.substr(skip_));
  const auto [from, to] = std::equal_range(keys_.begin(), keys_.end(), key);
  const auto first = nodes_.begin() + (from - keys_.begin());
  const auto last = nodes_.begin() + (to - keys_.begin());
  const auto above = std::upper_bound(first, last, path, [](std::string_view p, const Node& n) { return p < n.text; });
  if (above == nodes_.begin()) return nullptr;

  const Node* node = &*(above - 1);
  const size_t common = common_length(node->text, path);
  if (common == path.size() && common == node->text.size()) {
    whole = true;
    return node;
  }
  // All parents are beginnings of this text, so the common length alone tells which of them the path starts with.
  while (node->prefix == kNone || node->text.size() > common) {
    if (node->parent == kNone) return nullptr;
    node = &nodes_[static_cast<size_t>(node->parent)];
  }
  return node;
}

// ngx_http_core_find_location: kFinal is its NGX_OK and NGX_DONE, kPrefix its NGX_AGAIN, kNothing its NGX_DECLINED.
LocationTable::Search LocationTable::search(std::string_view path, LocationMatch& match) const {
  Search result = Search::kNothing;
  bool skips_regexes = false;
  bool whole = false;
  const Node* node = longest(path, whole);
  if (whole) {
    if (node->exact != kNone) {
      match.index = node->exact;
      return Search::kFinal;
    }
    if (node->prefix == kNone && node->redirect != kNone) {
      match.index = node->redirect;
      match.add_slash = true;
      return Search::kFinal;
    }
    if (node->prefix == kNone) node = node->parent == kNone ? nullptr : &nodes_[static_cast<size_t>(node->parent)];
  }
  if (node != nullptr) {
    match.index = node->prefix;
    skips_regexes = node->skips_regexes;
    result = Search::kPrefix;
    if (node->nested != nullptr) {
      const Search inner = node->nested->search(path, match);
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
