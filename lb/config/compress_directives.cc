// gzip_* and brotli_*: which answers are compressed, and how.
#include <algorithm>
#include <bit>

#include "config/content_types.h"

namespace weir::config {
namespace {

using filter::CodingOptions;
using filter::CompressOptions;
using filter::EncoderOptions;
using filter::ProxiedOptions;
using proxy::Location;

CompressOptions& options_of(const Scope& scope) {
  return scope.level->location.compress;
}

void apply_least_version(Call& call) {
  if (call.arg(0) != "1.0" && call.arg(0) != "1.1") return call.invalid(0, "1.0 or 1.1");
  options_of(call.scope).least = call.arg(0) == "1.0" ? http::Version::kHttp10 : http::Version::kHttp11;
}
std::vector<std::string> show_least_version(const Scope& scope) {
  return {options_of(scope).least == http::Version::kHttp10 ? "1.0" : "1.1"};
}

struct Proxied {
  std::string_view name;
  bool ProxiedOptions::*field;
};
constexpr Proxied kProxied[] = {
    {"off", &ProxiedOptions::off},
    {"expired", &ProxiedOptions::expired},
    {"no-cache", &ProxiedOptions::no_cache},
    {"no-store", &ProxiedOptions::no_store},
    {"private", &ProxiedOptions::is_private},
    {"no_last_modified", &ProxiedOptions::no_last_modified},
    {"no_etag", &ProxiedOptions::no_etag},
    {"auth", &ProxiedOptions::auth},
    {"any", &ProxiedOptions::any},
};

void apply_proxied(Call& call) {
  ProxiedOptions& options = options_of(call.scope).proxied;
  if (call.first) options = {.off = false};
  for (size_t i = 0; i < call.count(); ++i) {
    const auto is_named = [&](const Proxied& each) { return each.name == call.arg(i); };
    const auto* const found = std::find_if(std::begin(kProxied), std::end(kProxied), is_named);
    if (found == std::end(kProxied))
      return call.invalid(i, "off, any, auth, expired, no-cache, no-store, private, no_last_modified or no_etag");
    if (options.*found->field) {
      call.builder.diagnostics().warning(call.directive.args[i].at, "duplicate value \"" + call.arg(i) + "\"");
    }
    options.*found->field = true;
  }
}
std::vector<std::string> show_proxied(const Scope& scope) {
  std::string out;
  for (const Proxied& each : kProxied)
    if (options_of(scope).proxied.*each.field) out += (out.empty() ? "" : " ") + std::string(each.name);
  return {out};
}

// Regexes know no case and add to those of the same block; "msie6" is inherited beside them, as in nginx.
void apply_disable(Call& call) {
  CompressOptions& options = options_of(call.scope);
  if (call.first) options.not_agents.clear();
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& word = call.arg(i);
    if (word == "msie6") {
      options.not_msie6 = true;
      continue;
    }
    if (word == "degradation") {
      call.error_at(i, "\"gzip_disable degradation\" is not supported: weir bounds the memory of compression itself");
      continue;
    }
    auto regex = Regex::compile(word, true);
    if (!regex) {
      call.error_at(i, regex.error() + " in \"" + word + "\"");
      continue;
    }
    options.not_agents.push_back({word, std::make_shared<const Regex>(std::move(*regex))});
  }
}
std::vector<std::string> show_disable(const Scope& scope) {
  const CompressOptions& options = options_of(scope);
  std::string out = options.not_msie6 ? "msie6" : "";
  for (const filter::AgentPattern& each : options.not_agents) out += (out.empty() ? "" : " ") + quote_word(each.text);
  if (out.empty()) return {};
  return {out};
}

// A size that is a power of two, kept as the exponent.
template <int Least, int Most>
std::optional<int> exponent_of(const Call& call) {
  const auto size = parse_size(call.arg(0));
  if (!size || *size <= 0 || !std::has_single_bit(static_cast<uint64_t>(*size))) return std::nullopt;
  const int exponent = std::countr_zero(static_cast<uint64_t>(*size));
  if (exponent < Least || exponent > Most) return std::nullopt;
  return exponent;
}

void apply_window(Call& call) {
  const auto bits = exponent_of<9, 15>(call);
  if (!bits) return call.invalid(0, "512, 1k, 2k, 4k, 8k, 16k or 32k");
  options_of(call.scope).gzip.encoder.window_bits = *bits;
}
std::vector<std::string> show_window(const Scope& scope) {
  return {format_size(int64_t{1} << options_of(scope).gzip.encoder.window_bits)};
}

constexpr int kHashBits = 8;  // nginx's size of the table against zlib's memory level
void apply_hash(Call& call) {
  const auto bits = exponent_of<9, 17>(call);
  if (!bits) return call.invalid(0, "512, 1k, 2k, 4k, 8k, 16k, 32k, 64k or 128k");
  options_of(call.scope).gzip.encoder.memory_level = *bits - kHashBits;
}
std::vector<std::string> show_hash(const Scope& scope) {
  return {format_size(int64_t{1} << (options_of(scope).gzip.encoder.memory_level + kHashBits))};
}

void apply_brotli_window(Call& call) {
  const auto bits = exponent_of<10, 24>(call);
  if (!bits) return call.invalid(0, "1k, 2k, 4k and so on up to 16m");
  options_of(call.scope).brotli.encoder.window_bits = *bits;
}
std::vector<std::string> show_brotli_window(const Scope& scope) {
  return {format_size(int64_t{1} << options_of(scope).brotli.encoder.window_bits)};
}

constexpr int kSlowLevel = 10;  // from here on, below 1 MB a second
void apply_brotli_level(Call& call) {
  const auto level = parse_decimal(call.arg(0));
  if (!level) return call.invalid(0, "a number");
  if (!in_range(call, *level, print_number)) return;
  options_of(call.scope).brotli.encoder.level = static_cast<int>(*level);
  if (*level >= kSlowLevel)
    call.warning("\"brotli_comp_level " + call.arg(0) +
                 "\" compresses less than 1 MB a second, and a worker serves no other client meanwhile: it is meant "
                 "for files that are compressed once");
}
std::vector<std::string> show_brotli_level(const Scope& scope) {
  return {std::to_string(options_of(scope).brotli.encoder.level)};
}

// What comes out goes into chunks of the worker's pool.
void apply_buffers(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number < 1) return call.invalid(0, "a number");
  if (!parse_size(call.arg(1))) call.invalid(1, "a size like 8k");
}
void apply_postpone(Call& call) {
  if (!parse_size(call.arg(0))) call.invalid(0, "a size like 8k");
}
void apply_no_buffer(Call& call) {
  if (!parse_flag(call.arg(0))) call.invalid(0, "\"on\" or \"off\"");
}

template <auto... Path>
constexpr Kind kOn = kFlag<&Level::location, &Location::compress, Path...>;
template <auto... Path>
constexpr Kind kLength = kSize<&Level::location, &Location::compress, Path...>;
constexpr Kind kBuffers{.form = "NUMBER SIZE", .least_args = 2, .most_args = 2, .apply = apply_buffers};

const Row kRows[] = {
    {
        .name = "gzip",
        .contexts = kAnywhere | kIfLocation,
        .kind = kOn<&CompressOptions::gzip, &CodingOptions::on>,
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Compresses answers of 200, 403 and 404 for clients that take gzip. An answer of unknown length, or with "
            "\"X-Accel-Buffering: no\", is passed on as it comes, an event at once. Not where an answer has a "
            "Content-Encoding or "
            "\"Cache-Control: no-transform\". Where an answer holds a secret beside text that others choose, its "
            "length betrays the secret (BREACH): leave it off there.",
    },
    {
        .name = "gzip_types",
        .contexts = kAnywhere,
        .kind = kTypes<&Level::location, &Location::compress, &CompressOptions::gzip, &CodingOptions::types>,
        .help = "The Content-Types that are compressed, text/html always; * is all of them.",
        .times = Times::kMany,
    },
    {
        .name = "gzip_min_length",
        .contexts = kAnywhere,
        .kind = kLength<&CompressOptions::gzip, &CodingOptions::min_length>,
        .weir_default = "20",
        .nginx_default = "20",
        .help = "A shorter answer is not compressed, where its length is known.",
    },
    {
        .name = "gzip_comp_level",
        .contexts = kAnywhere,
        .kind = kNumber<&Level::location, &Location::compress, &CompressOptions::gzip, &CodingOptions::encoder,
                        &EncoderOptions::level>,
        .weir_default = "1",
        .nginx_default = "1",
        .help = "From fast to small.",
        .least = 1,
        .most = 9,
    },
    {
        .name = "gzip_vary",
        .contexts = kAnywhere,
        .kind = kOn<&CompressOptions::vary>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Adds \"Vary: Accept-Encoding\", for caches, where Accept-Encoding decides the coding of an answer, "
                "with brotli too; not where the answer has it already.",
    },
    {
        .name = "gzip_http_version",
        .contexts = kAnywhere,
        .kind = {.form = "1.0 | 1.1", .apply = apply_least_version, .show = show_least_version},
        .weir_default = "1.1",
        .nginx_default = "1.1",
        .help = "The least version of requests that get compressed answers.",
    },
    {
        .name = "gzip_proxied",
        .contexts = kAnywhere,
        .kind = {.form = "off | any | auth | expired | no-cache | no-store | private | no_last_modified | no_etag ...",
                 .most_args = -1,
                 .apply = apply_proxied,
                 .show = show_proxied},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Which answers to requests with Via, that came through a proxy, are compressed.",
        .times = Times::kMany,
    },
    {
        .name = "gzip_disable",
        .contexts = kAnywhere,
        .kind = {.form = "msie6 | REGEX ...", .most_args = -1, .apply = apply_disable, .show = show_disable},
        .help = "Clients with such a User-Agent get no gzip.",
        .times = Times::kMany,
    },
    {
        .name = "gzip_window",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_window, .show = show_window},
        .weir_default = "32k",
        .nginx_default = "32k",
        .help = "How far zlib looks back.",
    },
    {
        .name = "gzip_hash",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_hash, .show = show_hash},
        .weir_default = "64k",
        .nginx_default = "64k",
        .help = "The size of zlib's table.",
    },
    {
        .name = "gzip_buffers",
        .contexts = kAnywhere,
        .kind = kBuffers,
        .help = "Accepted; compressed bytes are kept in the worker's buffers.",
    },
    {
        .name = "postpone_gzipping",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_postpone},
        .help = "Accepted; an answer is compressed as it comes.",
    },
    {
        .name = "gzip_no_buffer",
        .contexts = kAnywhere,
        .kind = {.form = "on | off", .apply = apply_no_buffer},
        .help = "Accepted; compressed bytes go out at once.",
    },
    {
        .name = "brotli",
        .contexts = kAnywhere | kIfLocation,
        .kind = kOn<&CompressOptions::brotli, &CodingOptions::on>,
        .weir_default = "off",
        .help = "As gzip, for clients that take brotli; with both on a client gets the coding that it weighs more, "
                "else brotli. "
                "It is Google's module for nginx.",
    },
    {
        .name = "brotli_types",
        .contexts = kAnywhere,
        .kind = kTypes<&Level::location, &Location::compress, &CompressOptions::brotli, &CodingOptions::types>,
        .help = "The Content-Types that are compressed, text/html always; * is all of them.",
        .times = Times::kMany,
    },
    {
        .name = "brotli_min_length",
        .contexts = kAnywhere,
        .kind = kLength<&CompressOptions::brotli, &CodingOptions::min_length>,
        .weir_default = "20",
        .help = "A shorter answer is not compressed, where its length is known.",
    },
    {
        .name = "brotli_comp_level",
        .contexts = kAnywhere,
        .kind = {.form = "NUMBER", .apply = apply_brotli_level, .show = show_brotli_level},
        .weir_default = "6",
        .help = "From fast to small; 10 and 11 take a worker's whole time.",
        .least = 0,
        .most = 11,
    },
    {
        .name = "brotli_window",
        .contexts = kAnywhere,
        .kind = {.form = "SIZE", .apply = apply_brotli_window, .show = show_brotli_window},
        .weir_default = "512k",
        .help = "How far brotli looks back.",
    },
    {
        .name = "brotli_buffers",
        .contexts = kAnywhere,
        .kind = kBuffers,
        .help = "Accepted; compressed bytes are kept in the worker's buffers.",
    },
};

}  // namespace

std::span<const Row> compress_rows() {
  return kRows;
}

}  // namespace weir::config
