// server_name matching in nginx's order: exact, longest leading wildcard (*.example.org, .example.org), longest
// trailing wildcard (mail.*), first regex. 10,000 names cost what one costs: hash lookups by label.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/regex.h"
#include "base/result.h"
#include "route/name_table.h"

namespace weir::route {

class HostTable {
 public:
  // `name` as in server_name: "example.org", "*.example.org", ".example.org", "mail.*", "~^www\d+\.", "" and "_".
  // `index` is the caller's. Error: `invalid server name or wildcard "x"`, `conflicting server name "x"` (the first
  // stays: callers warn), a bad regex.
  Status<> add(std::string_view name, int index);
  // `host` is lower case without port and trailing dot. -1 when nothing matches. `match` and `regex` (may be null) get
  // a regex's captures; -1 with a regex: its match has failed.
  int find(std::string_view host, RegexMatch* match = nullptr, const Regex** regex = nullptr) const;
  bool empty() const { return exact_.empty() && leading_.empty() && trailing_.empty() && regexes_.empty(); }

 private:
  Status<> add_regex(std::string_view name, int index);
  void add_leading(std::string_view suffix, int index);
  int find_leading(std::string_view host) const;
  int find_trailing(std::string_view host) const;

  NameTable exact_;
  NameTable leading_;     // "example.org" of "*.example.org"
  NameTable trailing_;    // "mail" of "mail.*"
  int leading_dots_ = 0;  // the most that any of them has
  int trailing_dots_ = 0;
  std::vector<std::pair<Regex, int>> regexes_;
};

}  // namespace weir::route
