// What is said of contents to the client, whoever made them: how long they hold, and in which charset they are.
#include "config/builder.h"
#include "config/content_types.h"
#include "config/fields.h"
#include "config/words.h"

namespace weir::config {
namespace {

using Form = http::ExpiresRule::Form;

void apply_expires(Call& call) {
  const bool modified = call.count() == 2;
  if (modified && call.arg(0) != "modified") return call.invalid(0, "\"modified\" before a time");
  const size_t value = modified ? 1 : 0;
  auto compiled = call.compile(value);
  if (!compiled) return;
  proxy::Expires expires;
  if (!compiled->is_literal()) {
    expires.rule.form = modified ? Form::kModified : Form::kAccess;
    expires.text = std::move(*compiled);
  } else {
    const auto rule = http::parse_expires(call.arg(value), modified);
    if (!rule) return call.invalid(value, rule.error());
    expires.rule = *rule;
  }
  auto& out = call.scope.level->location.expires;
  out.reset();
  if (expires.text || expires.rule.form != Form::kOff) out = std::move(expires);
}

std::vector<std::string> show_expires(const Scope& scope) {
  const auto& expires = scope.level->location.expires;
  if (!expires) return {"off"};
  const http::ExpiresRule& rule = expires->rule;
  const std::string word = rule.form == Form::kModified ? "modified " : "";
  if (expires->text) return {word + quote_word(expires->text->text())};
  switch (rule.form) {
    case Form::kOff: return {"off"};
    case Form::kEpoch: return {"epoch"};
    case Form::kMax: return {"max"};
    case Form::kAccess:
    case Form::kModified:
    case Form::kDaily: break;
  }
  const bool is_negative = rule.seconds < 0;
  const Millis time{(is_negative ? -rule.seconds : rule.seconds) * 1000};
  return {word + (rule.form == Form::kDaily ? "@" : is_negative ? "-" : "") + format_time(time)};
}

void apply_charset(Call& call) {
  auto name = call.arg(0) == "off" ? std::optional(route::Template()) : call.compile(0);
  if (name) call.scope.level->location.charset = std::move(*name);
}
std::vector<std::string> show_charset(const Scope& scope) {
  const route::Template& charset = scope.level->location.charset;
  return {charset.empty() ? "off" : quote_word(charset.text())};
}

void apply_override(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  if (*on) call.error("\"override_charset on\" is not supported: weir converts no texts");
}

const Row kRows[] = {
    {
        .name = "expires",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "[modified] TIME | @TIME | epoch | max | off",
                 .most_args = 2,
                 .apply = apply_expires,
                 .show = show_expires},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Expires and Cache-Control of answers with 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308, in the "
                "place of a peer's.",
    },
    {
        .name = "charset",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "NAME | off", .apply = apply_charset, .show = show_charset},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Adds the charset to a Content-Type of charset_types that has none. Texts are not converted.",
    },
    {
        .name = "charset_types",
        .contexts = kAnywhere,
        .kind = kTypes<&Level::location, &proxy::Location::charset_types>,
        .help = "Types that get the charset, beside text/html. Unless written: text/xml, text/plain, text/vnd.wap.wml, "
                "application/javascript and application/rss+xml.",
        .times = Times::kMany,
    },
    {
        .name = "override_charset",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "off", .apply = apply_override},
        .help = "Only off: a charset that a peer names stays.",
    },
};

}  // namespace

std::span<const Row> content_rows() {
  return kRows;
}

}  // namespace weir::config
