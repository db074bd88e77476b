// location matching in nginx's order: "=" exact ends the search; the longest prefix is remembered, "^~" on it skips
// regexes; regexes in order of the configuration; else the remembered prefix. Nested locations refine their parent: the
// table of a location holds its children. Exact paths and prefixes are one compressed trie, so that a search costs what
// the matching part of the path is long, for 10,000 of them as for one.
#pragma once
#include <cstdint>
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
  bool add_slash = false;  // the location is "/x/" and the path "/x": answer 301 to "/x/" (see LocationTable::add)
  const Regex* regex = nullptr;  // that matched, the captures are find()'s; with no index: whose match has failed
};

class LocationTable {
 public:
  // Error: `duplicate location "x"`, a bad regex. `nested` (may be null) is owned by the caller, outlives this table
  // and must be frozen too. `slash_redirect` is nginx's rule for a prefix or exact "/x/" with a proxy_pass: the path
  // "/x", if no exact location and no prefix of that very name has it, is redirected to "/x/".
  Status<> add(LocationKind kind, std::string_view pattern, int index, const LocationTable* nested = nullptr,
               bool slash_redirect = false);
  void freeze();  // after the last add, before the first find
  // `path` is normalised (merged slashes, decoded, dot segments removed). Allocates nothing.
  // `captures`, where not null, is filled in when the match has a regex.
  LocationMatch find(std::string_view path, RegexMatch* captures = nullptr) const;
  int find_named(std::string_view name) const;  // "@name"; -1
  bool empty() const { return entries_.empty() && targets_.empty() && regexes_.empty() && named_.empty(); }

 private:
  static constexpr int kNone = -1;
  enum class Search : uint8_t { kNothing, kPrefix, kFinal /* ends the search */ };

  // One text: a prefix location, an exact one, or both.
  struct Entry {
    std::string text;
    int exact = kNone;
    int prefix = kNone;
    int redirect = kNone;  // the location "text/" that wants the slash added
    bool skips_regexes = false;
    bool slash_redirect = false;
    const LocationTable* nested = nullptr;
  };
  // What a search needs of an entry.
  struct Target {
    int exact, prefix, redirect;
    bool skips_regexes;
    const LocationTable* nested;
  };
  // What follows the parent's text: `label`, a piece of labels_. The children lie side by side. A cache line: a step of
  // a search looks at nothing else, unless the node has very many children or a very long label.
  struct alignas(64) Node {
    static constexpr size_t kFirstBytes = 16;
    static constexpr size_t kHead = 28;
    char first_bytes[kFirstBytes] = {};  // of the children
    char head[kHead] = {};               // the label, when it fits
    uint32_t first_child = 0;
    uint32_t children = 0;
    uint32_t label = 0;
    uint32_t label_size = 0;
    int target = kNone;  // of the entry that ends here
  };
  struct Pattern {
    Regex regex;
    int index;
    const LocationTable* nested;
  };
  using Names = std::unordered_map<std::string, int, StringHash, std::equal_to<>>;

  Entry& entry_of(std::string_view text);
  void build_trie();
  uint32_t child_of(const Node& node, char byte) const;
  const Target* longest(std::string_view path, bool& whole) const;
  Search search(std::string_view path, LocationMatch& match, RegexMatch& captures) const;

  std::vector<Entry> entries_;   // until frozen
  Names building_;               // text -> place in entries_, until frozen
  std::vector<Target> targets_;  // of the entries, by text
  std::vector<Node> nodes_;      // the root first
  std::string first_bytes_;      // of the labels, by node
  std::string labels_;
  Names named_;
  std::vector<Pattern> regexes_;
};

// The path that locations are matched on (nginx's ngx_http_parse_complex_uri): percent-decoded, "." and ".." removed,
// slashes merged. Into the arena only when something changes. Empty on a path that climbs above the root or has a
// broken or null escape, which callers answer with 400.
std::string_view normalise_path(std::string_view raw_path, Arena& arena);

// A normalised path as it may stand on the wire: what is no plain URI byte is percent-encoded anew. In the arena.
std::string_view escape_path(std::string_view path, Arena& arena);

}  // namespace weir::route
