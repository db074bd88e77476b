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
    {"use", kEvents, kOne, "", "", "Accepted; weir uses what libuv uses."},
    {"multi_accept", kEvents, kOnOff, "", "", "Accepted."},
    {"accept_mutex", kEvents, kOnOff, "", "", "Accepted; every worker has its own sockets."},
    {"accept_mutex_delay", kEvents, kOne, "", "", "Accepted."},
    {"sendfile", kAnywhere, kOnOff, "", "", "Accepted; weir serves no files."},
    {"sendfile_max_chunk", kAnywhere, kOne, "", "", "Accepted."},
    {"tcp_nopush", kAnywhere, kOnOff, "", "", "Accepted."},
    {"tcp_nodelay", kAnywhere, kOnOff, "", "", "Accepted; always on."},
    {"aio", kAnywhere, kAny, "", "", "Accepted."},
    {"directio", kAnywhere, kAny, "", "", "Accepted."},
    {"server_names_hash_bucket_size", kHttp, kOne, "", "", "Accepted."},
    {"server_names_hash_max_size", kHttp, kOne, "", "", "Accepted."},
    {"types_hash_bucket_size", kAnywhere, kOne, "", "", "Accepted."},
    {"types_hash_max_size", kAnywhere, kOne, "", "", "Accepted."},
    {"variables_hash_bucket_size", kHttp, kOne, "", "", "Accepted."},
    {"variables_hash_max_size", kHttp, kOne, "", "", "Accepted."},
    {"map_hash_bucket_size", kHttp, kOne, "", "", "Accepted."},
    {"map_hash_max_size", kHttp, kOne, "", "", "Accepted."},
    {"proxy_headers_hash_bucket_size", kAnywhere, kOne, "", "", "Accepted."},
    {"proxy_headers_hash_max_size", kAnywhere, kOne, "", "", "Accepted."},
    {"connection_pool_size", kHttp | kServer, kOne, "", "", "Accepted."},
    {"request_pool_size", kHttp | kServer, kOne, "", "", "Accepted."},
    {"log_not_found", kAnywhere, kOnOff, "", "", "Accepted."},
    {"log_subrequest", kAnywhere, kOnOff, "", "", "Accepted."},
    {"open_log_file_cache", kAnywhere, kAny, "", "", "Accepted."},
    {"proxy_buffers", kAnywhere, kSpooling, "", "", "Accepted with a warning."},
    {"proxy_buffer_size", kAnywhere, kSpooling, "", "", "Accepted with a warning."},
    {"proxy_busy_buffers_size", kAnywhere, kSpooling, "", "", "Accepted with a warning."},
    {"proxy_max_temp_file_size", kAnywhere, kSpooling, "", "", "Accepted with a warning."},
    {"proxy_temp_file_write_size", kAnywhere, kSpooling, "", "", "Accepted with a warning."},
    {"gzip", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"proxy_cache", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"proxy_redirect", kAnywhere, kOnlyOff, "", "", "Only off: weir leaves Location as the peer wrote it."},
    {"proxy_intercept_errors", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"proxy_store", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"auth_basic", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"autoindex", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"ssi", kAnywhere, kOnlyOff, "", "", "Only off."},
    {"ssl", kHttp | kServer, kOnlyOff, "", "", "Only off."},
    {"http2", kHttp | kServer, kOnlyOff, "", "", "Only off."},
};

}  // namespace

std::span<const Row> accepted_rows() {
  return kRows;
}

}  // namespace weir::config
