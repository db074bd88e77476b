// limit_except METHOD ... { ... }: what holds in a location for all other methods.
#include <algorithm>

#include "base/bytes.h"
#include "config/builder.h"
#include "config/dump.h"

namespace weir::config {
namespace {

// nginx's list; HEAD comes with GET.
constexpr std::string_view kMethods[] = {"GET",  "HEAD",    "POST",     "PUT",       "DELETE", "MKCOL",  "COPY",
                                         "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH", "LOCK",   "UNLOCK", "PATCH"};

// Read behind all else of its location, which it begins as a copy of: read_limit_except().
void open_limit_except(Call& call) {
  for (size_t i = 0; i < call.count(); ++i) {
    std::string method = call.arg(i);
    for (char& c : method) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods))
      call.error_at(i, "invalid method \"" + call.arg(i) + "\"");
  }
}

void show_limit_except(Dump& dump, const Scope& scope) {
  if (scope.level == nullptr || scope.level->location.limit_except == nullptr) return;
  const proxy::LimitExcept& except = *scope.level->location.limit_except;
  std::string head = "limit_except";
  for (const std::string& method : except.methods) head += " " + method;
  Level inherited = *scope.level;
  Level level = inherited;
  level.location = *except.settings;
  dump.block(head, {.context = kLimitExcept, .model = scope.model, .main = scope.main, .level = &level}, &inherited);
}

const Row kRows[] = {
    {
        .name = "limit_except",
        .contexts = kLocation,
        .kind = {.form = "METHOD ... { ... }", .most_args = -1},
        .help = "For all methods but these the access checks, \"proxy_pass\" and \"access_log\" of the block hold "
                "instead of "
                "the location's. GET lets HEAD in too.",
        .open = open_limit_except,
        .show = show_limit_except,
    },
};

}  // namespace

void read_limit_except(Builder& builder, Scope& scope, const std::vector<Directive>& block) {
  const auto found =
      std::find_if(block.begin(), block.end(), [](const Directive& each) { return each.name == "limit_except"; });
  if (found == block.end() || !found->block || found->args.empty()) return;
  // As in nginx: what the location says in its rewrite phase is not for these methods.
  Level level = level_below(*scope.level);
  level.location.returns.reset();
  Scope inside{.context = kLimitExcept, .main = scope.main, .level = &level, .location = scope.location};
  level.tls_to_peers.targets.clear();
  builder.apply(*found->block, inside);
  builder.finish_tls_to_peers(level);
  proxy::LimitExcept except;
  for (const Argument& each : found->args) {
    except.methods.push_back(each.text);
    for (char& c : except.methods.back()) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  except.settings = std::make_shared<const proxy::Location>(std::move(level.location));
  scope.level->location.limit_except = std::make_shared<const proxy::LimitExcept>(std::move(except));
}

std::span<const Row> limit_except_rows() {
  return kRows;
}

}  // namespace weir::config
