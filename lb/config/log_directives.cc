// Access logs and their formats.
#include "config/builder.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

using observe::LogEscape;

void apply_log_format(Call& call) {
  LogEscape escape = LogEscape::kDefault;
  size_t text_at = 1;
  if (call.arg(1).starts_with("escape=")) {
    const std::string_view how = std::string_view(call.arg(1)).substr(7);
    if (how != "default" && how != "json" && how != "none") return call.invalid(1, "escape=default, json or none");
    escape = how == "json" ? LogEscape::kJson : how == "none" ? LogEscape::kNone : LogEscape::kDefault;
    text_at = 2;
  }
  if (text_at == call.count()) return call.error("\"log_format\" needs the text of the format");
  std::string text;
  for (size_t i = text_at; i < call.count(); ++i) text += call.arg(i);
  auto format = observe::LogFormat::compile(escape, text, call.builder.names());
  if (!format) return call.error_at(text_at, std::move(format.error()));
  if (!call.builder.add_format(call.arg(0), std::make_shared<const observe::LogFormat>(std::move(*format))))
    call.error_at(0, "duplicate \"log_format\" name \"" + call.arg(0) + "\"");
}

constexpr std::string_view kAccessLogParameters[] = {"buffer", "flush", "if", "gzip"};

// One of them; reports.
bool apply_option(Call& call, size_t i, observe::AccessLogOptions& options) {
  const std::string& text = call.arg(i);
  if (text.starts_with("buffer=")) {
    const auto size = parse_size(std::string_view(text).substr(7));
    if (!size || *size < 1024 || *size > (1 << 30)) return call.invalid(i, "buffer=SIZE from 1k to 1g"), false;
    options.buffer = static_cast<size_t>(*size);
    return true;
  }
  if (text.starts_with("flush=")) {
    const auto time = parse_time(std::string_view(text).substr(6));
    if (!time || time->count() == 0) return call.invalid(i, "flush=TIME"), false;
    options.flush = *time;
    return true;
  }
  if (text.starts_with("if=")) {
    auto condition = route::Template::compile(std::string_view(text).substr(3), call.builder.names());
    if (!condition) return call.error_at(i, std::move(condition.error())), false;
    options.condition = std::make_shared<const route::Template>(std::move(*condition));
    return true;
  }
  if (text == "gzip" || text.starts_with("gzip=")) {
    const auto level = text == "gzip" ? std::optional<int64_t>(1) : parse_decimal(std::string_view(text).substr(5));
    if (!level || *level < 1 || *level > 9) return call.invalid(i, "gzip=LEVEL from 1 to 9"), false;
    call.warning("weir writes logs uncompressed: \"gzip\" has no effect");
    return true;
  }
  const std::string_view name = std::string_view(text).substr(0, text.find('='));
  return call.error_at(i, "invalid parameter \"" + text + "\"" + did_you_mean(name, kAccessLogParameters)), false;
}

bool is_option(std::string_view text) {
  for (const std::string_view each : kAccessLogParameters)
    if (text.starts_with(each) && text.substr(each.size()).starts_with('=')) return true;
  return text == "gzip";
}

void apply_access_log(Call& call) {
  proxy::Location& location = call.scope.level->location;
  auto logs = std::make_shared<proxy::AccessLogs>();
  if (!call.first && location.access_logs) *logs = *location.access_logs;
  if (call.arg(0) == "off") {
    if (call.count() > 1) return call.error_at(1, "invalid parameter \"" + call.arg(1) + "\"");
    location.access_logs = nullptr;
    return;
  }
  if (call.arg(0).empty()) return call.invalid(0, "a file, \"off\" or syslog:");
  observe::AccessLogOptions options;
  options.path = call.arg(0);
  if (options.path.find('$') != std::string::npos) {
    if (!call.compile(0)) return;
    std::erase_if(options.path, [](char c) { return c == '$' || c == '{' || c == '}'; });
    call.warning("weir keeps one log where its name has variables, here \"" + options.path + "\"");
  }
  size_t next = 1;
  std::string format = "combined";
  if (next < call.count() && !is_option(call.arg(next))) format = call.arg(next++);
  options.format = call.builder.find_format(format);
  if (!options.format) return call.error_at(1, "unknown log format \"" + format + "\"");
  for (; next < call.count(); ++next)
    if (!apply_option(call, next, options)) return;
  logs->push_back({.options = std::move(options)});
  location.access_logs = std::move(logs);
}

std::vector<std::string> show_access_log(const Scope& scope) {
  const auto& logs = scope.level->location.access_logs;
  if (!logs || logs->empty()) return {"off"};
  std::vector<std::string> out;
  for (const proxy::AccessLogTarget& each : *logs) {
    const observe::AccessLogOptions& options = each.options;
    std::string line = quote_word(options.path) + " buffer=" + format_size(static_cast<int64_t>(options.buffer)) +
                       " flush=" + format_time(options.flush);
    if (options.condition) line += " " + quote_word("if=" + options.condition->text());
    out.push_back(line);
  }
  return out;
}

const Row kRows[] = {
    {
        .name = "log_format",
        .contexts = kHttp,
        .kind = {.form = "NAME [escape=default|json|none] TEXT ...",
                 .least_args = 2,
                 .most_args = -1,
                 .apply = apply_log_format},
        .help = "A format of access logs; \"combined\" and \"json\" are there already.",
        .times = Times::kMany,
        .turn = Turn::kNames,
    },
    {
        .name = "access_log",
        .contexts = kAnywhere | kIfLocation | kLimitExcept,
        .kind = {.form = "off | FILE [FORMAT] [buffer=SIZE] [flush=TIME] [if=CONDITION]",
                 .most_args = -1,
                 .apply = apply_access_log,
                 .show = show_access_log},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Where requests are logged. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> log_rows() {
  return kRows;
}

}  // namespace weir::config
