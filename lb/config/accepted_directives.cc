// What weir takes so that nginx configurations run, although it has nothing to do: tuning of things that weir has not
// or always does. Values are checked as nginx checks them; what weir does otherwise than it is told is a warning.
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
  if (call.arg(0) != "off") call.error(not_supported(call.directive.name));
}

void apply_ssl(Call& call) {
  if (call.arg(0) != "off") call.error("\"ssl on\" is gone from nginx too, write \"listen PORT ssl;\"");
}

void apply_a_number(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number < 1) call.invalid(0, "a number");
}
void apply_a_size(Call& call) {
  if (!parse_size(call.arg(0))) call.invalid(0, "a size like 8k or 1m");
}
void apply_a_time(Call& call) {
  if (!parse_time(call.arg(0))) call.invalid(0, "a time like 500ms");
}

// nginx's names of what it may wait with on Linux.
void apply_use(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "epoll" && word != "poll" && word != "select") return call.invalid(0, "epoll, poll or select");
  if (word != "epoll") call.warning("weir waits with epoll: \"use " + word + "\" has no effect");
}

void apply_aio(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "on" && word != "off" && word != "threads" && !word.starts_with("threads="))
    call.invalid(0, "on, off or threads[=POOL]");
}

void apply_directio(Call& call) {
  if (call.arg(0) != "off" && !parse_size(call.arg(0))) call.invalid(0, "a size like 4m or \"off\"");
}

void warn_of_spooling(const Call& call) {
  call.warning("weir streams bodies and does not spool them: \"" + call.directive.name + "\" has no effect");
}
void apply_spooling_size(Call& call) {
  if (!parse_size(call.arg(0))) return call.invalid(0, "a size like 8k");
  warn_of_spooling(call);
}
void apply_spooling_path(Call& call) {
  for (size_t i = 1; i < call.count(); ++i) {
    const auto level = parse_decimal(call.arg(i));
    if (!level || *level < 1 || *level > 3) call.invalid(i, "a level from 1 to 3");
  }
  warn_of_spooling(call);
}

void apply_without_effect(Call& call) {
  call.warning("\"" + call.directive.name + "\" has no effect, " + std::string(call.row.help));
}
void apply_body_file(Call& call) {
  const std::string& word = call.arg(0);
  if (word != "on" && word != "clean" && word != "off") return call.invalid(0, "on, clean or off");
  if (word != "off") apply_without_effect(call);
}
void apply_keepalive_disable(Call& call) {
  for (size_t i = 0; i < call.count(); ++i)
    if (call.arg(i) != "none" && call.arg(i) != "msie6" && call.arg(i) != "safari")
      return call.invalid(i, "none, msie6 or safari");
  if (call.arg(0) != "none") apply_without_effect(call);
}
// The value that weir has for good, or a warning.
void apply_fixed_flag(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  if (*on != (call.row.weir_default == "on"))
    call.warning("\"" + call.directive.name + " " + call.arg(0) + "\" has no effect, " + std::string(call.row.help));
}

// nginx counts "_" among what is invalid.
void apply_invalid_headers(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  if (!*on) call.scope.level->server.underscores_in_names = true;
  if (*on) call.warning("\"ignore_invalid_headers on\": a request with an invalid field name is refused with 400");
}

void apply_output_buffers(Call& call) {
  apply_a_number(call);
  if (!parse_size(call.arg(1))) call.invalid(1, "a size like 32k");
}

// off | max=N [inactive=TIME]
void apply_file_cache(Call& call) {
  if (call.arg(0) == "off" && call.count() == 1) return;
  bool has_most = false;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string_view text = call.arg(i);
    const bool most = text.starts_with("max=");
    has_most = has_most || most;
    if (most ? !parse_decimal(text.substr(4)) : !text.starts_with("inactive=") || !parse_time(text.substr(9)))
      return call.invalid(i, "max=NUMBER, inactive=TIME or \"off\"");
  }
  if (!has_most) call.error("\"open_file_cache\" needs \"max=\"");
}

constexpr Kind kAny{.form = "...", .most_args = -1, .apply = apply_nothing};
constexpr Kind kOnOff{.form = "on | off", .apply = apply_on_off};
constexpr Kind kANumber{.form = "NUMBER", .apply = apply_a_number};
constexpr Kind kASize{.form = "SIZE", .apply = apply_a_size};
constexpr Kind kATime{.form = "TIME", .apply = apply_a_time};
constexpr Kind kOnlyOff{.form = "off", .most_args = -1, .apply = apply_only_off};
constexpr Kind kSpoolingSize{.form = "SIZE", .apply = apply_spooling_size};
constexpr Kind kSpoolingPath{.form = "PATH [LEVEL ...]", .most_args = 4, .apply = apply_spooling_path};
constexpr Kind kWithoutEffect{.form = "...", .most_args = -1, .apply = apply_without_effect};
constexpr Kind kFixedFlag{.form = "on | off", .apply = apply_fixed_flag};

constexpr std::string_view kAccepted = "Accepted.";
constexpr std::string_view kWarned = "Accepted with a warning.";

// Of the process.
const Row kProcessRows[] = {
    {.name = "load_module",
     .contexts = kMain,
     .kind = kWithoutEffect,
     .help = "weir has no modules to load.",
     .times = Times::kMany},
    {.name = "worker_cpu_affinity",
     .contexts = kMain,
     .kind = kWithoutEffect,
     .help = "the kernel places the threads."},
    {.name = "worker_priority",
     .contexts = kMain,
     .kind = kWithoutEffect,
     .help = "weir runs with the nice value it is started with."},
    {.name = "worker_rlimit_core",
     .contexts = kMain,
     .kind = kWithoutEffect,
     .help = "weir keeps the limit it is started with."},
    {.name = "working_directory", .contexts = kMain, .kind = kWithoutEffect, .help = "weir stays where it is started."},
    {.name = "master_process",
     .contexts = kMain,
     .kind = kFixedFlag,
     .weir_default = "on",
     .nginx_default = "on",
     .help = "workers are threads of one process."},
    {.name = "env",
     .contexts = kMain,
     .kind = {.form = "NAME[=VALUE]", .apply = apply_nothing},
     .help = "Accepted; weir starts no processes.",
     .times = Times::kMany},
    {.name = "lock_file",
     .contexts = kMain,
     .kind = {.form = "FILE", .apply = apply_nothing},
     .help = "Accepted; weir needs none."},
    {.name = "pcre_jit", .contexts = kMain, .kind = kOnOff, .help = "Accepted; always on."},
    {.name = "thread_pool", .contexts = kMain, .kind = kAny, .help = kAccepted, .times = Times::kMany},
    {.name = "timer_resolution", .contexts = kMain, .kind = kATime, .help = kAccepted},
    {.name = "use",
     .contexts = kEvents,
     .kind = {.form = "epoll | poll | select", .apply = apply_use},
     .help = "Accepted; weir waits with epoll."},
    {.name = "debug_connection",
     .contexts = kEvents,
     .kind = kWithoutEffect,
     .help = "weir's error log has one level for all connections.",
     .times = Times::kMany},
    {.name = "worker_aio_requests", .contexts = kEvents, .kind = kANumber, .help = kAccepted},
    {.name = "multi_accept", .contexts = kEvents, .kind = kOnOff, .help = kAccepted},
    {.name = "accept_mutex",
     .contexts = kEvents,
     .kind = kOnOff,
     .help = "Accepted; every worker has its own sockets."},
    {.name = "accept_mutex_delay", .contexts = kEvents, .kind = kATime, .help = kAccepted},
};

// Of requests and answers.
const Row kRows[] = {
    {.name = "tcp_nopush", .contexts = kAnywhere, .kind = kOnOff, .help = kAccepted},
    {.name = "tcp_nodelay",
     .contexts = kAnywhere,
     .kind = kFixedFlag,
     .weir_default = "on",
     .nginx_default = "on",
     .help = "connections send at once."},
    {.name = "aio",
     .contexts = kAnywhere,
     .kind = {.form = "on | off | threads[=POOL]", .apply = apply_aio},
     .help = kAccepted},
    {.name = "directio",
     .contexts = kAnywhere,
     .kind = {.form = "SIZE | off", .apply = apply_directio},
     .help = kAccepted},
    {.name = "directio_alignment", .contexts = kAnywhere, .kind = kASize, .help = kAccepted},
    {.name = "aio_write", .contexts = kAnywhere, .kind = kOnOff, .help = kAccepted},
    {.name = "read_ahead", .contexts = kAnywhere, .kind = kASize, .help = kAccepted},
    {.name = "output_buffers",
     .contexts = kAnywhere,
     .kind = {.form = "NUMBER SIZE", .least_args = 2, .most_args = 2, .apply = apply_output_buffers},
     .help = kAccepted},
    {.name = "postpone_output",
     .contexts = kAnywhere,
     .kind = kASize,
     .help = "Accepted; bytes of a peer go out at once."},
    {.name = "send_lowat", .contexts = kAnywhere, .kind = kASize, .help = "Accepted; Linux has nothing of the kind."},
    {.name = "proxy_send_lowat",
     .contexts = kAnywhere,
     .kind = kASize,
     .help = "Accepted; Linux has nothing of the kind."},
    {.name = "subrequest_output_buffer_size", .contexts = kAnywhere, .kind = kASize, .help = kAccepted},
    {.name = "open_file_cache",
     .contexts = kAnywhere,
     .kind = {.form = "off | max=NUMBER [inactive=TIME]", .most_args = 2, .apply = apply_file_cache},
     .help = "Accepted; no file's descriptor is kept, each request looks anew."},
    {.name = "open_file_cache_errors", .contexts = kAnywhere, .kind = kOnOff, .help = kAccepted},
    {.name = "open_file_cache_min_uses", .contexts = kAnywhere, .kind = kANumber, .help = kAccepted},
    {.name = "open_file_cache_valid", .contexts = kAnywhere, .kind = kATime, .help = kAccepted},
    {.name = "client_body_in_single_buffer", .contexts = kAnywhere, .kind = kOnOff, .help = kAccepted},
    {.name = "client_body_in_file_only",
     .contexts = kAnywhere,
     .kind = {.form = "on | clean | off", .apply = apply_body_file},
     .help = "bodies are streamed and never written to files."},
    {.name = "keepalive_disable",
     .contexts = kAnywhere,
     .kind = {.form = "none | BROWSER ...", .most_args = -1, .apply = apply_keepalive_disable},
     .help = "connections of all browsers are kept."},
    {.name = "merge_slashes",
     .contexts = kHttp | kServer,
     .kind = kFixedFlag,
     .weir_default = "on",
     .nginx_default = "on",
     .help = "slashes in a row are one where a location is looked for."},
    {.name = "msie_padding", .contexts = kAnywhere, .kind = kOnOff, .help = "Accepted; no such browser is left."},
    {.name = "msie_refresh",
     .contexts = kAnywhere,
     .kind = kFixedFlag,
     .weir_default = "off",
     .nginx_default = "off",
     .help = "redirects are the same for all browsers."},
    {.name = "proxy_socket_keepalive",
     .contexts = kAnywhere,
     .kind = kFixedFlag,
     .weir_default = "on",
     .nginx_default = "on",
     .help = "connections to peers have TCP keepalive always."},
    {.name = "server_names_hash_bucket_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "server_names_hash_max_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "types_hash_bucket_size", .contexts = kAnywhere, .kind = kANumber, .help = kAccepted},
    {.name = "types_hash_max_size", .contexts = kAnywhere, .kind = kANumber, .help = kAccepted},
    {.name = "variables_hash_bucket_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "variables_hash_max_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "map_hash_bucket_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "map_hash_max_size", .contexts = kHttp, .kind = kANumber, .help = kAccepted},
    {.name = "proxy_headers_hash_bucket_size", .contexts = kAnywhere, .kind = kANumber, .help = kAccepted},
    {.name = "proxy_headers_hash_max_size", .contexts = kAnywhere, .kind = kANumber, .help = kAccepted},
    {.name = "connection_pool_size", .contexts = kHttp | kServer, .kind = kASize, .help = kAccepted},
    {.name = "request_pool_size", .contexts = kHttp | kServer, .kind = kASize, .help = kAccepted},
    {.name = "log_subrequest",
     .contexts = kAnywhere,
     .kind = kFixedFlag,
     .weir_default = "off",
     .nginx_default = "off",
     .help = "access logs have the requests of clients."},
    {.name = "open_log_file_cache", .contexts = kAnywhere, .kind = kAny, .help = kAccepted},
    {.name = "ignore_invalid_headers",
     .contexts = kHttp | kServer,
     .kind = {.form = "on | off", .apply = apply_invalid_headers},
     .weir_default = "on",
     .nginx_default = "on",
     .help = "A request with an invalid field name is refused with 400. off: names with \"_\" reach peers, as with "
             "underscores_in_headers."},
    {.name = "chunked_transfer_encoding",
     .contexts = kAnywhere,
     .kind = kFixedFlag,
     .weir_default = "on",
     .nginx_default = "on",
     .help = "an answer of unknown length goes to HTTP/1.1 clients in chunks."},
    {.name = "proxy_temp_file_write_size", .contexts = kAnywhere, .kind = kSpoolingSize, .help = kWarned},
    {.name = "client_body_temp_path", .contexts = kAnywhere, .kind = kSpoolingPath, .help = kWarned},
    {.name = "proxy_temp_path", .contexts = kAnywhere, .kind = kSpoolingPath, .help = kWarned},
    {.name = "fastcgi_temp_path", .contexts = kAnywhere, .kind = kSpoolingPath, .help = kWarned},
    {.name = "uwsgi_temp_path", .contexts = kAnywhere, .kind = kSpoolingPath, .help = kWarned},
    {.name = "scgi_temp_path", .contexts = kAnywhere, .kind = kSpoolingPath, .help = kWarned},
    {.name = "proxy_store", .contexts = kAnywhere, .kind = kOnlyOff, .help = "Only off."},
    {.name = "ssi", .contexts = kAnywhere, .kind = kOnlyOff, .help = "Only off."},
    {.name = "ssl",
     .contexts = kHttp | kServer,
     .kind = {.form = "off", .apply = apply_ssl},
     .help = "Only off: \"listen ... ssl\" switches TLS on."},
    {.name = "http2",
     .contexts = kHttp | kServer,
     .kind = kFixedFlag,
     .weir_default = "off",
     .nginx_default = "off",
     .help = "clients are offered HTTP/1.1."},
};

}  // namespace

std::span<const Row> accepted_process_rows() {
  return kProcessRows;
}

std::span<const Row> accepted_rows() {
  return kRows;
}

}  // namespace weir::config
