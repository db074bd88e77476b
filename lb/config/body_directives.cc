// gunzip and sub_filter_*: what is changed in the bodies of answers. mirror: copies of requests.
#include "config/content_types.h"

namespace weir::config {
namespace {

using filter::SubstituteOptions;
using proxy::Location;

constexpr size_t kMostSubstitutions = 255;  // as nginx

void apply_sub_filter(Call& call) {
  auto& list = call.scope.level->location.substitute.list;
  if (call.first) list.clear();
  if (call.arg(0).empty()) return call.error_at(0, "empty search pattern");
  if (list.size() == kMostSubstitutions) return call.error("number of search patterns exceeds 255");
  auto from = call.compile(0);
  auto to = call.compile(1);
  if (from && to) list.push_back({std::move(*from), std::move(*to)});
}
std::vector<std::string> show_sub_filter(const Scope& scope) {
  std::vector<std::string> out;
  for (const filter::Substitution& each : scope.level->location.substitute.list)
    out.push_back(quote_word(each.from.text()) + " " + quote_word(each.to.text()));
  return out;
}

void apply_gunzip_buffers(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number < 1) return call.invalid(0, "a number");
  if (!parse_size(call.arg(1))) call.invalid(1, "a size like 8k");
}

void apply_mirror(Call& call) {
  proxy::MirrorOptions& mirror = call.scope.level->location.mirror;
  if (call.first) mirror.targets.clear();
  const bool is_off = call.arg(0) == "off";
  const auto is_mirror = [](const Directive& each) { return each.name == "mirror"; };
  if (is_off && call.block != nullptr && std::count_if(call.block->begin(), call.block->end(), is_mirror) > 1)
    return call.error("\"mirror off\" stands beside another \"mirror\"");
  if (is_off) return;
  if (!call.arg(0).starts_with('/')) return call.invalid(0, "a path of this server, or \"off\"");
  mirror.targets.push_back(call.arg(0));
}
std::vector<std::string> show_mirror(const Scope& scope) {
  const std::vector<std::string>& targets = scope.level->location.mirror.targets;
  if (targets.empty()) return {"off"};
  std::vector<std::string> out;
  out.reserve(targets.size());
  for (const std::string& target : targets) out.push_back(quote_word(target));
  return out;
}

const Row kRows[] = {
    {
        .name = "gunzip",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &Location::gunzip>,
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Decodes answers with \"Content-Encoding: gzip\" for clients that do not take gzip (gzip_http_version, "
            "gzip_proxied and gzip_disable count), in steps, so that few bytes that stand for many hold up no other "
            "client.",
    },
    {
        .name = "gunzip_buffers",
        .contexts = kAnywhere,
        .kind = {.form = "NUMBER SIZE", .least_args = 2, .most_args = 2, .apply = apply_gunzip_buffers},
        .help = "Accepted; decoded bytes are kept in the worker's buffers.",
    },
    {
        .name = "sub_filter",
        .contexts = kAnywhere,
        .kind = {.form = "TEXT REPLACEMENT",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_sub_filter,
                 .show = show_sub_filter},
        .help =
            "Replaces a text in answers, letters in any case. Where several begin at one place the first that "
            "matches counts. Levels inherit all or nothing. Coded answers are searched as they are: \"gunzip on\" or "
            "\"proxy_set_header Accept-Encoding ''\" brings plain ones. Unlike nginx weir leaves a part of a body "
            "(206) as it is, "
            "and drops Accept-Ranges.",
        .times = Times::kMany,
    },
    {
        .name = "sub_filter_once",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &Location::substitute, &SubstituteOptions::once>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Each text is replaced once in an answer, or everywhere.",
    },
    {
        .name = "sub_filter_types",
        .contexts = kAnywhere,
        .kind = kTypes<&Level::location, &Location::substitute, &SubstituteOptions::types>,
        .help = "The Content-Types that are searched, text/html always; * is all of them.",
        .times = Times::kMany,
    },
    {
        .name = "sub_filter_last_modified",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &Location::substitute, &SubstituteOptions::keep_last_modified>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Keeps Last-Modified and, as a weak one, ETag of answers that are searched.",
    },
    {
        .name = "mirror",
        .contexts = kAnywhere,
        .kind = {.form = "PATH | off", .apply = apply_mirror, .show = show_mirror},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Sends a copy of each request to another location of the server, mostly an internal one with "
                "\"proxy_pass http://OTHER$request_uri\"; its answer is thrown away and holds up no client. Not of "
                "requests that \"return\" answers. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "mirror_request_body",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &Location::mirror, &proxy::MirrorOptions::body>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Copies have the body too. It is held whole before the request goes anywhere, up to "
                "client_body_buffer_size: a request with a longer one is not copied, and the error log names it.",
    },
};

}  // namespace

std::span<const Row> body_rows() {
  return kRows;
}

}  // namespace weir::config
