// location matching in nginx's order: "=" exact ends the search; the longest prefix is remembered, "^~" on it skips regexes; regexes in order of
// the configuration; else the remembered prefix. Nested locations refine their parent: the table of a location holds its children. Prefixes are a
// sorted array searched by binary search with parent links, so that 10,000 of them cost at most twice one.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "base/hash.h"
#include "base/regex.h"
#include "base/result.h"

namespace weir::route {

enum class LocationKind : uint8_t { kPrefix, kExact, kPrefixFinal /* ^~ */, kRegex, kRegexNoCase, kNamed /* @name */ };

struct LocationMatch {
  int index = -1;
  RegexMatch captures;          // valid when regex != null
  const Regex* regex = nullptr;
};

class LocationTable {
 public:
  // Error: `duplicate location "x"`, a bad regex. `nested` (may be null) is owned by the caller, outlives this table and must be frozen too.
  Status<> add(LocationKind kind, std::string_view pattern, int index, const LocationTable* nested = nullptr);
  void freeze();  // after the last add, before the first find
  // `path` is normalised (merged slashes, decoded, dot segments removed).
  LocationMatch find(std::string_view path) const;
  int find_named(std::string_view name) const;  // "@name"; -1

 private:
  struct Prefix {
    std::string text;
    int index = -1;
    bool final = false;
    int parent = -1;  // the longest other prefix that this one starts with
    const LocationTable* nested = nullptr;
  };
  struct Pattern {
    Regex regex;
    int index;
    const LocationTable* nested;
  };
  std::unordered_map<std::string, int, StringHash, std::equal_to<>> exact_, named_;
  std::vector<Prefix> prefixes_;
  std::vector<Pattern> regexes_;
};

// The path that locations are matched on (nginx's ngx_http_parse_complex_uri): percent-decoded, "." and ".." removed, slashes merged. Into the
// arena only when something changes. Empty on a path that climbs above the root, which callers answer with 400.
std::string_view normalise_path(std::string_view raw_path, Arena& arena);

}  // namespace weir::route
