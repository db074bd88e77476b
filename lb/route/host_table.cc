// How server names are taken apart, and the order in which a host is looked up.
#include "route/host_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::route {
namespace {

int dots(std::string_view s) {
  return static_cast<int>(std::count(s.begin(), s.end(), '.'));
}

// nginx's ngx_hash_add_key: one '*' at most, at either end and next to a dot; no empty label.
bool valid(std::string_view name) {
  if (name.find("..") != std::string_view::npos || name.find('\0') != std::string_view::npos) return false;
  if (name == ".") return false;
  const auto stars = std::count(name.begin(), name.end(), '*');
  if (stars == 0) return true;
  if (stars > 1 || name.size() < 3) return false;
  if (name[0] == '.') return false;
  return name.substr(0, 2) == "*." || name.substr(name.size() - 2) == ".*";
}

}  // namespace

Status<> HostTable::add(std::string_view name, int index) {
  if (!name.empty() && name[0] == '~') return add_regex(name, index);
  const std::string lower = lowered(name);
  const std::string_view key = lower;
  if (!valid(key)) return Unexpected{"invalid server name or wildcard \"" + std::string(name) + "\""};

  bool fresh = true;
  if (key.size() > 1 && key[0] == '.') {  // the name itself and everything below it
    const std::string_view suffix = key.substr(1);
    fresh = !exact_.contains(suffix) && !leading_.contains(suffix);
    if (fresh) {
      exact_.add(suffix, index);
      add_leading(suffix, index);
    }
  } else if (key.size() > 2 && key.substr(0, 2) == "*.") {
    fresh = !leading_.contains(key.substr(2));
    if (fresh) add_leading(key.substr(2), index);
  } else if (key.size() > 2 && key.substr(key.size() - 2) == ".*") {
    const std::string_view prefix = key.substr(0, key.size() - 2);
    fresh = trailing_.add(prefix, index);
    trailing_dots_ = std::max(trailing_dots_, dots(prefix));
  } else {
    fresh = exact_.add(key, index);
  }
  if (!fresh) return Unexpected{"conflicting server name \"" + std::string(name) + "\""};
  return Void{};
}

void HostTable::add_leading(std::string_view suffix, int index) {
  leading_.add(suffix, index);
  leading_dots_ = std::max(leading_dots_, dots(suffix));
}

Status<> HostTable::add_regex(std::string_view name, int index) {
  const std::string_view pattern = name.substr(1);
  if (pattern.empty()) return Unexpected{"empty regex in server name \"" + std::string(name) + "\""};
  // Hosts come in lower case; a pattern that spells capitals must mean them without case (as nginx takes it).
  const bool ignore_case = std::any_of(pattern.begin(), pattern.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  auto regex = Regex::compile(pattern, ignore_case);
  if (!regex) return Unexpected{"invalid regex in server name \"" + std::string(name) + "\": " + regex.error()};
  regexes_.emplace_back(std::move(*regex), index);
  return Void{};
}

int HostTable::find(std::string_view host, RegexMatch* match, const Regex** regex) const {
  if (regex != nullptr) *regex = nullptr;
  if (!exact_.empty())
    if (const int index = exact_.find(host); index != NameTable::kNone) return index;
  if (host.empty()) return -1;  // no Host: only the name "" means it
  if (!leading_.empty())
    if (const int index = find_leading(host); index >= 0) return index;
  if (!trailing_.empty())
    if (const int index = find_trailing(host); index >= 0) return index;
  for (const auto& [pattern, index] : regexes_) {
    const Regex::Outcome outcome = pattern.run(host, match);
    if (outcome == Regex::Outcome::kNo) continue;
    if (regex != nullptr) *regex = &pattern;
    return outcome == Regex::Outcome::kYes ? index : -1;
  }
  return -1;
}

// Only as many labels as the deepest name has: a host of a thousand dots costs no more lookups than an honest one. The
// longest of them first.
int HostTable::find_leading(std::string_view host) const {
  int below = dots(host);  // of the part behind the dot that comes next
  for (size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
    if (--below > leading_dots_) continue;
    const int index = leading_.find(host.substr(dot + 1));
    if (index != NameTable::kNone) return index;
  }
  return -1;
}

int HostTable::find_trailing(std::string_view host) const {
  size_t end = 0;
  int found = -1;
  for (int n = 0; n <= trailing_dots_; ++n) {
    end = host.find('.', end);
    if (end == std::string_view::npos) break;
    const int index = trailing_.find(host.substr(0, end));
    if (index != NameTable::kNone) found = index;
    ++end;
  }
  return found;
}

}  // namespace weir::route
