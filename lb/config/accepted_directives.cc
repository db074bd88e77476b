// What weir takes so that nginx configurations run, although it has nothing to do: tuning of things that weir has not
// or always does.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

void apply_nothing(Call&) {}

void apply_on_off(Call& call) {
  if (!parse_flag(call.arg(0))) call.invalid(0, "\"on\" or \"off\"");
}

// A feature that is not there may be switched off.
void apply_only_off(Call& call) {
  if (call.arg(0) != "off")
    call.error("\"" + call.directive.name + "\" is known to nginx, but not supported by weir yet");
}

void apply_spooling(Call& call) {
  call.warning("weir streams bodies and does not spool them: \"" + call.directive.name + "\" has no effect");
}

constexpr Kind kAny{"...", 1, -1, apply_nothing, nullptr};
constexpr Kind kOne{"VALUE", 1, 1, apply_nothing, nullptr};
constexpr Kind kOnOff{"on | off", 1, 1, apply_on_off, nullptr};
constexpr Kind kOnlyOff{"off", 1, -1, apply_only_off, nullptr};
constexpr Kind kSpooling{"...", 1, -1, apply_spooling, nullptr};

const Row kRows[] = {
    {
        .name = "use",
        .contexts = kEvents,
        .kind = kOne,
        .help = "Accepted; the choice is libuv's.",
    },
    {
        .name = "multi_accept",
        .contexts = kEvents,
        .kind = kOnOff,
        .help = "Accepted.",
    },
    {
        .name = "accept_mutex",
        .contexts = kEvents,
        .kind = kOnOff,
        .help = "Accepted; every worker has its own sockets.",
    },
    {
        .name = "accept_mutex_delay",
        .contexts = kEvents,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "sendfile",
        .contexts = kAnywhere,
        .kind = kOnOff,
        .help = "Accepted; weir serves no files.",
    },
    {
        .name = "sendfile_max_chunk",
        .contexts = kAnywhere,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "tcp_nopush",
        .contexts = kAnywhere,
        .kind = kOnOff,
        .help = "Accepted.",
    },
    {
        .name = "tcp_nodelay",
        .contexts = kAnywhere,
        .kind = kOnOff,
        .help = "Accepted; always on.",
    },
    {
        .name = "aio",
        .contexts = kAnywhere,
        .kind = kAny,
        .help = "Accepted.",
    },
    {
        .name = "directio",
        .contexts = kAnywhere,
        .kind = kAny,
        .help = "Accepted.",
    },
    {
        .name = "server_names_hash_bucket_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "server_names_hash_max_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "types_hash_bucket_size",
        .contexts = kAnywhere,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "types_hash_max_size",
        .contexts = kAnywhere,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "variables_hash_bucket_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "variables_hash_max_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "map_hash_bucket_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "map_hash_max_size",
        .contexts = kHttp,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "proxy_headers_hash_bucket_size",
        .contexts = kAnywhere,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "proxy_headers_hash_max_size",
        .contexts = kAnywhere,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "connection_pool_size",
        .contexts = kHttp | kServer,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "request_pool_size",
        .contexts = kHttp | kServer,
        .kind = kOne,
        .help = "Accepted.",
    },
    {
        .name = "log_not_found",
        .contexts = kAnywhere,
        .kind = kOnOff,
        .help = "Accepted.",
    },
    {
        .name = "log_subrequest",
        .contexts = kAnywhere,
        .kind = kOnOff,
        .help = "Accepted.",
    },
    {
        .name = "open_log_file_cache",
        .contexts = kAnywhere,
        .kind = kAny,
        .help = "Accepted.",
    },
    {
        .name = "proxy_buffers",
        .contexts = kAnywhere,
        .kind = kSpooling,
        .help = "Accepted with a warning.",
    },
    {
        .name = "proxy_buffer_size",
        .contexts = kAnywhere,
        .kind = kSpooling,
        .help = "Accepted with a warning.",
    },
    {
        .name = "proxy_busy_buffers_size",
        .contexts = kAnywhere,
        .kind = kSpooling,
        .help = "Accepted with a warning.",
    },
    {
        .name = "proxy_max_temp_file_size",
        .contexts = kAnywhere,
        .kind = kSpooling,
        .help = "Accepted with a warning.",
    },
    {
        .name = "proxy_temp_file_write_size",
        .contexts = kAnywhere,
        .kind = kSpooling,
        .help = "Accepted with a warning.",
    },
    {
        .name = "gzip",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "proxy_cache",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "proxy_redirect",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off: weir leaves Location as the peer wrote it.",
    },
    {
        .name = "proxy_intercept_errors",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "proxy_store",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "auth_basic",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "autoindex",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "ssi",
        .contexts = kAnywhere,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "ssl",
        .contexts = kHttp | kServer,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
    {
        .name = "http2",
        .contexts = kHttp | kServer,
        .kind = kOnlyOff,
        .help = "Only off.",
    },
};

}  // namespace

std::span<const Row> accepted_rows() {
  return kRows;
}

}  // namespace weir::config
