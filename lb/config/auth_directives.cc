// auth_basic and auth_request: who the client is.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

filter::AuthBasicOptions& basic_of(const Scope& scope) {
  return scope.level->location.auth_basic;
}
filter::AuthRequestOptions& asked_of(const Scope& scope) {
  return scope.level->location.auth_request;
}

// `return` and what else the rewrite phase decides is answered before anybody is asked who he is.
void warn_beside_return(const Call& call) {
  if (call.scope.level->location.returns)
    call.warning("\"" + call.directive.name + "\" is without effect beside \"return\", which answers before it");
}

void apply_realm(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a realm or \"off\"");
  auto realm = call.compile(0);
  if (!realm) return;
  const bool is_off = realm->text() == "off";
  basic_of(call.scope).realm = std::move(*realm);
  if (is_off) return;
  warn_beside_return(call);
  if (basic_of(call.scope).user_file.empty())
    call.warning("\"auth_basic\" has no effect without \"auth_basic_user_file\" on this level or above");
}
std::vector<std::string> show_realm(const Scope& scope) {
  const route::Template& realm = basic_of(scope).realm;
  return {realm.empty() ? "off" : quote_word(realm.text())};
}

void apply_user_file(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a file");
  auto file = call.compile(0);
  if (!file) return;
  if (file->is_literal())
    if (auto text = call.builder.read_file(call.arg(0)); !text)
      call.warning(text.error() + ": requests are refused until the file is there");
  basic_of(call.scope).user_file = std::move(*file);
  basic_of(call.scope).directory = call.builder.absolute("");
}
std::vector<std::string> show_user_file(const Scope& scope) {
  const route::Template& file = basic_of(scope).user_file;
  if (file.empty()) return {};
  return {quote_word(file.text())};
}

void apply_auth_request(Call& call) {
  std::string& uri = asked_of(call.scope).uri;
  if (call.arg(0) == "off") {
    uri.clear();
    return;
  }
  if (!call.arg(0).starts_with('/')) return call.invalid(0, "a path or \"off\"");
  uri = call.arg(0);
  warn_beside_return(call);
}
std::vector<std::string> show_auth_request(const Scope& scope) {
  return {asked_of(scope).uri.empty() ? "off" : quote_word(asked_of(scope).uri)};
}

void apply_auth_request_set(Call& call) {
  auto& variables = asked_of(call.scope).variables;
  if (call.first) variables.clear();
  const std::string& name = call.arg(0);
  if (name.size() < 2 || name[0] != '$') return call.error_at(0, "invalid variable name \"" + name + "\"");
  const auto slot = call.builder.names().settable(name.substr(1));
  if (!slot) return call.error_at(0, slot.error());
  if (*slot < 0) return call.error_at(0, "\"auth_request_set\" cannot set \"" + name + "\" in weir");
  auto value = call.compile(1);
  if (value) variables.push_back({name, *slot, std::move(*value)});
}
std::vector<std::string> show_auth_request_set(const Scope& scope) {
  std::vector<std::string> out;
  for (const filter::AuthVariable& each : asked_of(scope).variables)
    out.push_back(each.name + " " + quote_word(each.value.text()));
  return out;
}

const Row kRows[] = {
    {
        .name = "auth_basic",
        .contexts = kAnywhere | kLimitExcept,
        .kind = {.form = "REALM | off", .apply = apply_realm, .show = show_realm},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Asks clients for a user and a password, which auth_basic_user_file holds; without them the answer is "
                "401. Not for "
                "\"return\", which answers before.",
        .turn = Turn::kWhole,
    },
    {
        .name = "auth_basic_user_file",
        .contexts = kAnywhere | kLimitExcept,
        .kind = {.form = "FILE", .apply = apply_user_file, .show = show_user_file},
        .help = "Lines of USER:HASH; hashes of crypt(3), bcrypt and yescrypt among them, $apr1$, {SHA}, {SSHA} and "
                "{PLAIN}. A change is seen within a second. A missing file is 403. A password that was right is not "
                "hashed again while its hash is the same.",
    },
    {
        .name = "auth_request",
        .contexts = kAnywhere,
        .kind = {.form = "PATH | off", .apply = apply_auth_request, .show = show_auth_request},
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Asks that location by a GET with the client's fields and without its body: 2xx lets the request in, 401 "
            "(with its WWW-Authenticate) and 403 are the answer, all else is 500.",
        .turn = Turn::kWhole,
    },
    {
        .name = "auth_request_set",
        .contexts = kAnywhere,
        .kind = {.form = "$VARIABLE VALUE",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_auth_request_set,
                 .show = show_auth_request_set},
        .help = "Gives a variable a value made of those of the request that asked, like $upstream_http_x_user. Levels "
                "inherit all or nothing.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> auth_rows() {
  return kRows;
}

}  // namespace weir::config
