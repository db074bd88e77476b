// What a directive is: one row of a table. From the rows come parsing, checks, defaults, suggestions, the dump and the
// manual. A new directive is a row, a field and a test.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/model.h"
#include "config/tree.h"

namespace weir::config {

class Builder;
class Dump;
struct Row;

enum Context : uint32_t {
  kMain = 1,
  kEvents = 2,
  kHttp = 4,
  kServer = 8,
  kLocation = 16,
  kUpstream = 32,
  kMatch = 64,
  kIfServer = 128,  // if{} inside server{}
  kIfLocation = 256,
  kLimitExcept = 512,
  kOtelExporter = 1024,
  kAnyIf = kIfServer | kIfLocation,
  kAnywhere = kHttp | kServer | kLocation,
};
// "http, server, location"
std::string to_string_of_contexts(uint32_t contexts);

// An upstream that a proxy_pass leads to, and by which words.
struct PassTarget {
  int cluster = -1;
  bool tls = false;
  std::string host;  // $proxy_host
};

// What is written about TLS to peers, for messages, and where it is needed.
struct TlsToPeers {
  std::map<std::pair<io::TlsFault::Setting, size_t>, Position> written;
  Position verify_at;  // without a file: nowhere
  Position pass_at;
  std::vector<PassTarget> targets;  // of the proxy_pass; with variables, as far as the configuration knows them
};

// What http{}, server{} and location{} hand down to the level below: a child starts as a copy of its parent.
struct Level {
  proxy::Location location;
  proxy::ServerSettings server;
  ResolverOptions resolver;  // of names in a proxy_pass
  TlsModel tls = {};
  TlsToPeers tls_to_peers = {};
  bool tunnel_timeout_set = false;  // under nginx's defaults a tunnel is otherwise timed by proxy_read_timeout
};

// What a level inside it begins with: a copy of all but the steps of its rewrite phase, which are its own. They may be
// thousands, and so may the levels.
Level level_below(Level& level);

// An if{} whose inside is read when all around it is known: its place among the steps.
struct PendingIf {
  size_t step;
  const Directive* directive;
};

// The block that is being read: what its directives may fill. What the context does not have is null.
struct Scope {
  Context context = kMain;
  const Model* model = nullptr;  // in a dump: what is already there
  MainConfig* main = nullptr;
  Level* level = nullptr;
  ServerModel* server = nullptr;
  LocationModel* location = nullptr;
  UpstreamModel* upstream = nullptr;
  upstream::Match* match = nullptr;
  std::vector<PendingIf>* ifs = nullptr;
  std::set<std::string>* places = nullptr;  // of the locations that stand in it so far: place_of()
};

// One directive being applied.
struct Call {
  Builder& builder;
  const Row& row;
  const Directive& directive;
  Scope& scope;
  bool first = true;                              // of its name in its block: a list forgets what it inherited
  const std::vector<Directive>* block = nullptr;  // that it stands in; null for a default

  size_t count() const { return directive.args.size(); }
  const std::string& arg(size_t i) const { return directive.args[i].text; }
  void error(std::string text) const;               // at the directive
  void error_at(size_t i, std::string text) const;  // at an argument
  void warning(std::string text) const;
  void invalid(size_t i, std::string_view expected) const;  // `invalid value "x" in "name" directive, it must be ...`
  // Compiles an argument with variables; reports and answers nullopt when it is wrong.
  std::optional<route::Template> compile(size_t i) const;
};

// How arguments become a field's value and how the value is shown.
struct Kind {
  std::string_view form = {};  // for the manual: "TIME", "on | off"
  int least_args = 1;
  int most_args = 1;  // -1: any number
  void (*apply)(Call& call) = nullptr;
  // The value as arguments, one string for each time the directive would be written; null: not shown.
  std::vector<std::string> (*show)(const Scope& scope) = nullptr;
};

enum class Times : uint8_t { kOnce, kMany };  // in one block

// When a row is applied among those of its block: what others look at comes before them.
enum class Turn : uint8_t {
  kNames,      // what the values of others name: formats, matches
  kSettings,   // most
  kServers,    // upstream{}'s, which look at its method
  kWhole,      // what looks at all of these: a check at its location's proxy_pass, a queue at the servers
  kReaders,    // what looks at the access rules too: a page that not everybody may see
  kUpstreams,  // upstream{}
  kChildren,   // server{}, location{}: copies of the settings to begin with
};

// Written with designated initialisers: what a row does not say is what stands here.
struct Row {
  std::string_view name = {};
  uint32_t contexts = 0;
  Kind kind = {};
  std::string_view weir_default = {};
  std::string_view nginx_default = {};
  std::string_view help = {};
  Times times = Times::kOnce;
  int64_t least = 0;  // of a number, a size or a time in milliseconds
  int64_t most = INT64_MAX;
  Turn turn = Turn::kSettings;
  // Of a block, instead of kind.apply and kind.show (or `show` alone, for one field of several rows). `open` reads the
  // block into the model: mostly it makes the scope of what is inside and has the builder apply that. `show` writes the
  // blocks of this name that stand in a scope.
  void (*open)(Call& call) = nullptr;
  void (*show)(Dump& dump, const Scope& scope) = nullptr;
};

std::span<const Row> main_rows();
std::span<const Row> http_block_rows();
std::span<const Row> server_block_rows();
std::span<const Row> location_block_rows();
std::span<const Row> upstream_block_rows();
std::span<const Row> map_rows();
std::span<const Row> core_rows();
std::span<const Row> rewrite_rows();
std::span<const Row> server_rows();
std::span<const Row> tls_rows();
std::span<const Row> tls_session_rows();
std::span<const Row> tls_peer_rows();
std::span<const Row> tls_own_rows();
std::span<const Row> acme_rows();
std::span<const Row> upstream_rows();
std::span<const Row> resolver_rows();
std::span<const Row> check_rows();
std::span<const Row> match_rows();
std::span<const Row> sticky_rows();
std::span<const Row> proxy_rows();
std::span<const Row> buffer_rows();
std::span<const Row> header_rows();
std::span<const Row> proxy_edit_rows();
std::span<const Row> cache_rows();
std::span<const Row> file_rows();
std::span<const Row> content_rows();
std::span<const Row> maintenance_rows();
std::span<const Row> healthz_rows();
std::span<const Row> monitor_rows();
std::span<const Row> access_rows();
std::span<const Row> compress_rows();
std::span<const Row> body_rows();
std::span<const Row> auth_rows();
std::span<const Row> limit_rows();
std::span<const Row> limit_except_rows();
std::span<const Row> referer_rows();
std::span<const Row> preset_rows();
std::span<const Row> log_rows();
std::span<const Row> otel_rows();
std::span<const Row> accepted_process_rows();
std::span<const Row> accepted_rows();

// Every row, in the order of the manual.
const std::vector<const Row*>& all_rows();
// The row of that name for the context, or any row of the name when none is for it, or null.
const Row* find_row(std::string_view name, Context context);
// A known name near to this one, or empty.
std::string_view suggest_name(std::string_view name, Context context);
// What weir says of a directive that nginx has, open source or Plus, and weir has not: its feature, and what may be
// done about it. Empty for a name that is none.
std::string_view nginx_feature(std::string_view name);
// `"x" is known to nginx, but not supported by weir yet (caching: ...)`.
std::string not_supported(std::string_view name);

}  // namespace weir::config
