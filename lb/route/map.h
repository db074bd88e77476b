// map $source $variable { ... }: exact strings (case-insensitive, as nginx's), hostnames with wildcards, regexes in
// order, default.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/regex.h"
#include "route/finder.h"
#include "route/host_table.h"
#include "route/template.h"

namespace weir::route {

class Map {
 public:
  Map(Template source, bool hostnames, bool volatile_) : source_(std::move(source)), hostnames_(hostnames) {
    (void)volatile_;
  }
  // geo{}, split_clients{}: no rows, the finder says.
  Map(Template source, std::shared_ptr<const Finder> finder)
      : source_(std::move(source)), hostnames_(false), finder_(std::move(finder)) {}
  // Errors: a duplicate key, a bad regex ("~" case-sensitive, "~*" not), a bad wildcard. "\default" escapes the special
  // names; a plain "default" is set_default.
  Status<> add(std::string_view key, Template value);
  void set_default(Template value) { default_ = std::move(value); }
  // Captures of a matching regex are visible to the value's $1 and named groups. Maps that refer to each other in a
  // circle give "". `failed` (may be null) becomes the regex whose match has failed, if any: the value is the default.
  std::string_view lookup(const VariableSource& source, Arena& arena, const Regex** failed = nullptr) const;
  // What the group of that name holds when a regex of this map is the one that matches; else nothing. As the value's
  // `$name`, for whoever uses the name elsewhere. `failed` as lookup()'s: the value is nothing.
  VariableValue capture(std::string_view name, const VariableSource& source, Arena& arena,
                        const Regex** failed = nullptr) const;
  // Calls with the name of each group of the regexes.
  template <class Each>
  void for_each_capture(Each&& each) const {
    for (const auto& [regex, value] : regexes_)
      for (const auto& [name, group] : regex.names()) each(name);
  }
  const Template& source() const { return source_; }
  // The source and every value.
  template <class Fn>
  void for_each_template(Fn&& fn) const {
    fn(source_);
    if (finder_ != nullptr && finder_->beside() != nullptr) fn(*finder_->beside());
    fn(default_);
    for (const auto& [key, value] : exact_) fn(value);
    for (const auto& [regex, value] : regexes_) fn(value);
    for (const Template& value : host_values_) fn(value);
  }

 private:
  struct Found {
    const Template* value;
    const Regex* regex = nullptr;  // of the match; null for an exact text, a host name or the default
    bool failed = false;           // its match: the value is the default
    RegexMatch match = {};
  };
  Found find(const VariableSource& source, Arena& arena) const;

  Template source_;
  bool hostnames_;
  bool has_default_ = false;
  Template default_;
  std::unordered_map<std::string, Template, StringHash, std::equal_to<>> exact_;
  std::vector<std::pair<Regex, Template>> regexes_;
  std::vector<Template> host_values_;
  HostTable hosts_;
  std::shared_ptr<const Finder> finder_;
};

}  // namespace weir::route
