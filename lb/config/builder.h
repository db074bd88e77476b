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

namespace weir::io {
class SelfSignedBook;
}

namespace weir::config {

class Builder {
 public:
  // Text of a file that a directive names, relative to where includes are.
  using ReadFile = std::function<Result<std::string>(const std::string& path)>;

  using FindHost = std::function<std::vector<std::string>(const std::string& host)>;

  // `directory`: of the main file, with its "/".
  Builder(Model& model, Diagnostics& diagnostics, ReadFile read_file = {}, FindHost find_host = {},
          std::string directory = {})
      : model_(model),
        diagnostics_(diagnostics),
        read_file_(std::move(read_file)),
        find_host_(std::move(find_host)),
        directory_(std::move(directory)) {}

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
  // The defaults of a fresh upstream{}; its names are asked of what stands around it.
  void prepare_upstream(UpstreamModel& upstream, const ResolverOptions& resolver);

  Result<std::string> read_file(const std::string& path) const;
  const ReadFile& file_reader() const { return read_file_; }
  // Where self-signed certificates are kept over reloads; null: nowhere. Outlives the builder.
  void keep_certificates_in(io::SelfSignedBook* book) { self_signed_ = book; }
  io::SelfSignedBook* self_signed() const { return self_signed_; }
  // What keeps one server from serving is no error while others can.
  void forgive_missing_certificates() { forgives_certificates_ = true; }
  bool forgives_missing_certificates() const { return forgives_certificates_; }
  // What certificates and keys are read again with later, when the configuration's own reader is gone.
  std::string absolute(const std::string& path) const { return path.starts_with('/') ? path : directory_ + path; }
  // The IP addresses of a host, as text; none when it is not found.
  std::vector<std::string> addresses_of(const std::string& host) const;

  // What the `set` directives of that variable (lower case) give it, as written.
  void note_set(const std::string& variable, const std::string& value) { set_values_[variable].push_back(value); }
  const std::vector<std::string>& set_values(const std::string& variable) const {
    static const std::vector<std::string> none;
    const auto at = set_values_.find(variable);
    return at == set_values_.end() ? none : at->second;
  }

  // `set_real_ip_from` is used somewhere.
  void note_trust() { trusts_ = true; }
  // $http_x_forwarded_*: what clients say of themselves is passed on.
  void note_forwarded(const Position& at, const std::string& name) { forwarded_.emplace_back(at, name); }
  // After the last server{}.
  void hint_at_trust();

  // Null when there is none of that name.
  std::shared_ptr<const upstream::Match> find_match(const std::string& name) const;
  std::vector<std::string_view> match_names() const;
  // `zone` of an upstream{}: the size may stand at another upstream{} that shares the zone.
  void note_zone(const std::string& name, std::optional<int64_t> size, const Position& at);
  // After the last upstream{}: zones without a size anywhere.
  void check_zones();
  // limit_req_zone and limit_conn_zone.
  using LimitZones = std::map<std::string, std::shared_ptr<const filter::LimitZone>>;
  LimitZones& request_zones() { return request_zones_; }
  LimitZones& connection_zones() { return connection_zones_; }
  // False when the zone is another's already.
  bool take_zone(const std::string& name) { return zones_.insert(name).second; }
  // `preset nocobase` in the server{} that is being read.
  void note_preset(const Position& at) { presets_.push_back({at, model_.servers.size()}); }
  // After the last server{}.
  void hint_at_missing_checks();
  // tls_peers.cc. What a location{} or an if{} needs for https:// towards its peers, once all of its settings are read.
  void finish_tls_to_peers(Level& level);
  // After the last server{}: the checks of upstream{} go the way that requests go.
  void settle_tls_checks();
  // `listen ... proxy_protocol` in the server{} that is being read.
  void note_proxy_protocol(const Position& at, const SocketAddress& address) {
    proxied_.push_back({at, address, model_.servers.size()});
  }
  // `proxy_protocol on` somewhere.
  void note_announcement(const Position& at) { announcements_.push_back(at); }
  // After the last server{}: who may send PROXY headers, and which checks send one.
  void settle_proxy_protocol();

  // `has_options`: of the socket, which may be given once for an address.
  void add_listen(Call& call, ListenModel listen, bool has_options);

 private:
  // The row when the directive may stand here as it is written; reports otherwise.
  const Row* check(const Directive& directive, Context context);
  bool check_count(const Directive& directive, const Row& row);
  bool check_filled(const Directive& directive);
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
  std::map<std::string, std::vector<std::string>> set_values_;
  ReadFile read_file_;
  FindHost find_host_;
  std::string directory_;
  io::SelfSignedBook* self_signed_ = nullptr;
  bool forgives_certificates_ = false;
  bool trusts_ = false;
  std::vector<std::pair<Position, std::string>> forwarded_;
  std::set<std::string> zones_;
  struct SharedZone {
    Position at;
    int64_t size = 0;
  };
  std::map<std::string, SharedZone> shared_zones_;
  LimitZones request_zones_, connection_zones_;
  struct Preset {
    Position at;
    size_t server;
  };
  std::vector<Preset> presets_;
  struct ProxiedListen {
    Position at;
    SocketAddress address;
    size_t server;
  };
  std::vector<ProxiedListen> proxied_;
  std::vector<Position> announcements_;
  struct TlsPass {
    PassTarget target;
    std::shared_ptr<const io::TlsPeerContext> context;  // of target.tls
    std::string name;                                   // likewise
    Position at;
  };
  std::shared_ptr<const io::TlsPeerContext> tls_context_to_peers(const Level& level);
  std::vector<TlsPass> tls_passes_;
  std::map<std::string, std::shared_ptr<io::TlsPeerContext>> tls_peer_contexts_;  // by the text of the options
  std::set<std::string> shown_;  // faults, with their places: a certificate is inherited by many locations
  int unknown_ = 0;
};

// The kind and pattern of `location [MODIFIER] PATTERN`; the modifier may be glued to the pattern. False for an unknown
// modifier.
bool split_location(const Directive& directive, route::LocationKind& kind, std::string& pattern);

// The insides of the if{} of a server{} or location{} that has been applied (rewrite_directives.cc).
void read_ifs(Builder& builder, Scope& scope);

// The inside of the limit_except{} of a location{} that has been applied (limit_except_block.cc).
void read_limit_except(Builder& builder, Scope& scope, const std::vector<Directive>& block);

// Of http{}'s whole text, before anything uses a variable (map_blocks.cc).
void declare_captures(Builder& builder, const std::vector<Directive>& block);
void declare_maps(Builder& builder, const std::vector<Directive>& block);
// TLS of all servers, after the last one (tls_servers.cc).
void finish_tls(Builder& builder);
// What is inside http{}, or inside a file without one (http_block.cc).
void build_http(Builder& builder, const std::vector<Directive>& block);

}  // namespace weir::config
