// From the tree to the model: every block is checked against the tables and its directives are applied in the order of
// their turns; a block is a row too, whose `open` reads what is inside.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/directive.h"
#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

class Builder {
 public:
  // Text of a file that a directive names, relative to where includes are.
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  Builder(Model& model, Diagnostics& diagnostics, ReadFile read_file = {})
      : model_(model), diagnostics_(diagnostics), read_file_(std::move(read_file)) {}

  // Once. `directives` outlive the call only.
  void build(const std::vector<Directive>& directives);

  // For the directives.
  Model& model() { return model_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  route::VariableNames& names() { return names_; }

  // What stands in a block, into what `scope` names.
  void apply(const std::vector<Directive>& block, Scope& scope);
  // nginx's column into a fresh scope, under `defaults nginx`.
  void apply_nginx_defaults(Scope& scope);

  bool add_format(const std::string& name, std::shared_ptr<const observe::LogFormat> format);
  std::shared_ptr<const observe::LogFormat> find_format(const std::string& name);

  // Index into Model::upstreams or -1; `implicit` ones are those made of addresses.
  int find_upstream(std::string_view name, bool implicit) const;
  int add_upstream(UpstreamModel upstream);
  // The defaults of a fresh upstream{}.
  void prepare_upstream(UpstreamModel& upstream);

  Result<std::string> read_file(const std::string& path) const;

  // Null when there is none of that name.
  std::shared_ptr<const upstream::Match> find_match(const std::string& name) const;
  std::vector<std::string_view> match_names() const;
  // False when the zone is another's already.
  bool take_zone(const std::string& name) { return zones_.insert(name).second; }
  // `preset nocobase` in the server{} that is being read.
  void note_preset(const Position& at) { presets_.push_back({at, model_.servers.size()}); }
  // After the last server{}.
  void hint_at_missing_checks();

  // `has_options`: of the socket, which may be given once for an address.
  void add_listen(Call& call, ListenModel listen, bool has_options);

 private:
  // The row when the directive may stand here as it is written; reports otherwise.
  const Row* check(const Directive& directive, Context context);
  bool check_count(const Directive& directive, const Row& row);
  void warn_of_swallowed(const Directive& directive);
  // A default as it stands in a table.
  void apply_default(const Row& row, std::string_view text, Scope& scope);

  Model& model_;
  Diagnostics& diagnostics_;
  route::VariableNames names_;
  std::map<std::string, std::shared_ptr<const observe::LogFormat>> formats_;
  std::map<std::string, int> upstreams_, implicit_;  // by lower-case name
  struct ListenFacts {
    bool options = false;
    bool default_server = false;
  };
  std::map<std::string, ListenFacts> listens_;  // by address
  ReadFile read_file_;
  std::set<std::string> zones_;
  struct Preset {
    Position at;
    size_t server;
  };
  std::vector<Preset> presets_;
  int unknown_ = 0;
};

// The kind and pattern of `location [MODIFIER] PATTERN`; the modifier may be glued to the pattern. False for an unknown
// modifier.
bool split_location(const Directive& directive, route::LocationKind& kind, std::string& pattern);

// Of http{}'s whole text, before anything uses a variable (map_blocks.cc).
void declare_captures(Builder& builder, const std::vector<Directive>& block);
void declare_maps(Builder& builder, const std::vector<Directive>& block);
// What is inside http{}, or inside a file without one (http_block.cc).
void build_http(Builder& builder, const std::vector<Directive>& block);

}  // namespace weir::config
