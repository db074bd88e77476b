// What NocoBase needs of an edge, as directives.
#include "config/preset.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "config/builder.h"
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

using Block = std::vector<Directive>;

constexpr std::string_view kDeepCheck = "deep_check";
constexpr std::string_view kSubApps = "sub_apps";
constexpr std::string_view kMatchName = "weir_nocobase_ok";

// The path and the body are those of a node whose application runs: a port that is open says nothing, and every path
// outside of /api is 200 from the first second on. When no node passes it is no node's fault either (they are
// overloaded, or all start): what they answer is then better than nothing.
constexpr std::string_view kReady = "health_check uri=/api/__health_check match=weir_nocobase_ok fail_open";
// Reads the database. That fails on all nodes at once, which is no node's fault.
constexpr std::string_view kDeep = "health_check uri=/api/app:getInfo fails=3 timeout=5s interval=10s fail_open";
constexpr std::string_view kServerLines[] = {
    "client_max_body_size 0",   // the nodes have limits of their own
    "proxy_read_timeout 600s",  // exports, and models that think
    "proxy_send_timeout 600s",
    "proxy_tunnel_timeout 1h",  // browsers say "ping" every 300 s
    "proxy_next_upstream error timeout",
    // A gateway whose application starts or enables a plugin: the request went nowhere.
    "proxy_next_upstream_match 503 '\"maintaining\":true'",
};
// A client may not choose a sub-app.
constexpr std::string_view kHeaderLines[] = {"proxy_set_header X-App \"\"", "proxy_set_header X-Hostname \"\""};

Directive make(std::string_view line, const Position& at) {
  Directive out;
  auto words = split_words(line);
  for (Word& word : *words) {
    if (out.name.empty()) {
      out.name = std::move(word.text);
    } else {
      out.args.push_back({std::move(word.text), word.quoted, at});
    }
  }
  out.at = at;
  return out;
}

bool has(const Block& block, std::string_view name) {
  return std::any_of(block.begin(), block.end(), [&](const Directive& each) { return each.name == name; });
}

bool sets_header(const Block& block, std::string_view field) {
  return std::any_of(block.begin(), block.end(), [&](const Directive& each) {
    return each.name == "proxy_set_header" && !each.args.empty() && iequals(each.arg(0), field);
  });
}

const Directive* preset_of(const Directive& directive) {
  if (!directive.block) return nullptr;
  for (const Directive& each : *directive.block)
    if (is_nocobase(&each)) return &each;
  return nullptr;
}

// The preset's words behind its name are all this one, or there are none.
bool takes_only(const Directive& preset, std::string_view option) {
  return std::all_of(preset.args.begin() + 1, preset.args.end(),
                     [&](const Argument& each) { return each.text == option; });
}

class Expander {
 public:
  explicit Expander(Tree& tree) : tree_(tree) {}

  void http(Block& block) {
    for (Directive& each : block) {
      const Directive* found = preset_of(each);
      if (found == nullptr) continue;
      const Directive preset = *found;  // the block grows
      if (each.name == "upstream" && takes_only(preset, kDeepCheck)) upstream(*each.block, preset, head_text(each));
      if (each.name == "server" && takes_only(preset, kSubApps)) server(*each.block, preset, block);
    }
    if (needs_match_ && !has_match(block)) add(block, match(), needed_at_, "http");
  }

 private:
  void add(Block& block, Block added, const Position& at, std::string where);
  void upstream(Block& block, const Directive& preset, std::string where);
  void server(Block& block, const Directive& preset, const Block& http);
  void headers(Block& block, const Directive& preset, const Block& inherited, const std::string& where);
  Block match() const;
  static bool has_match(const Block& block) {
    return std::any_of(block.begin(), block.end(), [](const Directive& each) {
      return each.name == "match" && each.args.size() == 1 && each.arg(0) == kMatchName;
    });
  }

  Tree& tree_;
  bool needs_match_ = false;
  Position needed_at_;
};

void Expander::add(Block& block, Block added, const Position& at, std::string where) {
  if (added.empty()) return;
  block.insert(block.end(), added.begin(), added.end());
  tree_.expansions.push_back({at, std::move(where), std::move(added)});
}

Block Expander::match() const {
  Directive made = make("match " + std::string(kMatchName), needed_at_);
  made.block = Block{make("status 200", needed_at_), make("body = ok", needed_at_)};
  return {std::move(made)};
}

void Expander::upstream(Block& block, const Directive& preset, std::string where) {
  Block added;
  if (!has(block, "health_check")) {
    added.push_back(make(kReady, preset.at));
    if (!needs_match_) needed_at_ = preset.at;
    needs_match_ = true;
  }
  // Asked for by its name, so that it stands beside the operator's own.
  if (preset.args.size() > 1) added.push_back(make(kDeep, preset.at));
  add(block, std::move(added), preset.at, std::move(where));
}

void Expander::server(Block& block, const Directive& preset, const Block& http) {
  Block added;
  for (const std::string_view line : kServerLines) {
    Directive made = make(line, preset.at);
    if (!has(block, made.name)) added.push_back(std::move(made));
  }
  add(block, std::move(added), preset.at, "server");
  if (preset.args.size() > 1) return;
  Block inherited;
  std::copy_if(http.begin(), http.end(), std::back_inserter(inherited),
               [](const Directive& each) { return each.name == "proxy_set_header"; });
  headers(block, preset, inherited, "server");
}

// proxy_set_header is inherited all or nothing, so a block with a list of its own needs the preset's lines in it, and a
// server{} that had none needs those of http{} beside them.
void Expander::headers(Block& block, const Directive& preset, const Block& inherited, const std::string& where) {
  const bool own = has(block, "proxy_set_header");
  if (own || where == "server") {
    Block added = own ? Block() : inherited;
    for (const std::string_view line : kHeaderLines) {
      Directive made = make(line, preset.at);
      if (!sets_header(block, made.arg(0)) && !sets_header(added, made.arg(0))) added.push_back(std::move(made));
    }
    add(block, std::move(added), preset.at, where);
  }
  for (Directive& each : block)
    if (each.name == "location" && each.block) headers(*each.block, preset, {}, head_text(each));
}

// The row: everything that it means is in the tree already.
void apply_preset(Call& call) {
  const bool in_server = call.scope.context == kServer;
  if (call.arg(0) != "nocobase") return call.error_at(0, "unknown preset \"" + call.arg(0) + "\", there is: nocobase");
  const std::string_view option = in_server ? kSubApps : kDeepCheck;
  for (size_t i = 1; i < call.count(); ++i)
    if (call.arg(i) != option)
      call.error_at(i, "invalid parameter \"" + call.arg(i) + "\" of the preset, " +
                           (in_server ? "server" : "upstream") + "{} knows \"" + std::string(option) + "\"");
  if (in_server) return call.builder.note_preset(call.directive.at);
  if (call.scope.upstream->servers.size() > kMostNocobaseNodes)
    call.warning("NocoBase runs on at most " + std::to_string(kMostNocobaseNodes) +
                 " nodes (worker ids 0-31), upstream \"" + call.scope.upstream->name + "\" has " +
                 std::to_string(call.scope.upstream->servers.size()));
}

const Row kRows[] = {
    {
        .name = "preset",
        .contexts = kServer | kUpstream,
        .kind = {.form = "nocobase [deep_check | sub_apps]", .most_args = -1, .apply = apply_preset},
        .help = "Stands for the directives that an application needs, which -T shows; those written beside it go "
                "before. In upstream{}: the health check of NocoBase's nodes, deep_check: one that reads the database "
                "too. In server{}: body size, timeouts, retries while a node starts, and clients' X-App and X-Hostname "
                "dropped unless there are sub_apps.",
        .turn = Turn::kWhole,
    },
};

}  // namespace

bool is_nocobase(const Directive* preset) {
  return preset != nullptr && preset->name == "preset" && !preset->block && !preset->args.empty() &&
         preset->arg(0) == "nocobase";
}

void expand_presets(Tree& tree) {
  bool has_http = false;
  for (Directive& each : tree.directives) {
    if (each.name != "http" || !each.block) continue;
    has_http = true;
    Expander(tree).http(*each.block);
  }
  if (!has_http) Expander(tree).http(tree.directives);
}

std::string describe(const Expansion& expansion) {
  std::string out = "# preset of " + expansion.at.to_string() + " in " + expansion.where + ":\n";
  const std::string text = write_nginx(expansion.added);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    out += "#     " + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return out;
}

std::span<const Row> preset_rows() {
  return kRows;
}

}  // namespace weir::config
