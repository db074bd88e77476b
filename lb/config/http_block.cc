// http{} and events{}.
#include "config/builder.h"
#include "config/dump.h"

namespace weir::config {
namespace {

void open_events(Call& call) {
  Scope scope{.context = kEvents, .main = call.scope.main};
  call.builder.apply(*call.directive.block, scope);
}
void show_events(Dump& dump, const Scope& scope) {
  Scope inner = scope;
  inner.context = kEvents;
  dump.block("events", inner);
}

void open_http(Call& call) {
  build_http(call.builder, *call.directive.block);
}
void show_http(Dump& dump, const Scope& scope) {
  if (!scope.model->has_http) return;
  Scope inner = scope;
  inner.context = kHttp;
  dump.block("http", inner);
}

// The builder has looked for it before anything else was read.
void apply_defaults(Call& call) {
  if (call.arg(0) != "nginx" && call.arg(0) != "weir") call.invalid(0, "\"weir\" or \"nginx\"");
}
std::vector<std::string> show_defaults(const Scope& scope) {
  return {scope.main->nginx_defaults ? "nginx" : "weir"};
}

const Row kRows[] = {
    {
        .name = "events",
        .contexts = kMain,
        .kind = {.form = "{ ... }", .least_args = 0, .most_args = 0},
        .help = "Directives about connections.",
        .open = open_events,
        .show = show_events,
    },
    {
        .name = "http",
        .contexts = kMain,
        .kind = {.form = "{ ... }", .least_args = 0, .most_args = 0},
        .help = "HTTP servers. A file of http-level directives alone needs none.",
        .open = open_http,
        .show = show_http,
    },
    {
        .name = "defaults",
        .contexts = kHttp,
        .kind = {.form = "weir | nginx", .apply = apply_defaults, .show = show_defaults},
        .weir_default = "weir",
        .nginx_default = "weir",
        .help =
            "Which column of defaults holds for everything that is not written. nginx's are those of 1.31; before "
            "1.29.7 "
            "it spoke HTTP/1.0 to peers and kept no connection to them: \"proxy_http_version 1.0;\" and \"keepalive "
            "off;\" bring that.",
        .turn = Turn::kNames,
    },
};

}  // namespace

void build_http(Builder& builder, const std::vector<Directive>& block) {
  Model& model = builder.model();
  model.has_http = true;
  Level level;
  Scope scope{.context = kHttp, .main = &model.main, .level = &level};
  builder.apply_nginx_defaults(scope);
  if (model.main.nginx_defaults) {
    level.location.automatic_headers = false;
    level.location.no_peer_status = 502;
    level.location.upgrade_websocket = false;
    level.location.tunnel_timeout = level.location.read_timeout;
  }
  declare_captures(builder, block);
  declare_maps(builder, block);
  builder.apply(block, scope);
  finish_tls(builder);
  builder.check_zones();
  builder.hint_at_missing_checks();
  builder.hint_at_trust();
  builder.settle_proxy_protocol();
  builder.settle_tls_checks();
}

std::span<const Row> http_block_rows() {
  return kRows;
}

}  // namespace weir::config
