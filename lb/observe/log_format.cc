// Log formats: a template whose values are escaped on their way into the line.
#include "observe/log_escape.h"

namespace weir::observe {
namespace {

constexpr std::string_view kCombined =
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" "
    "\"$http_user_agent\"";

}  // namespace

Result<LogFormat> LogFormat::compile(LogEscape escape, std::string_view text, const route::VariableNames& names) {
  auto compiled = route::Template::compile(text, names);
  if (!compiled) return Unexpected{std::move(compiled.error())};
  LogFormat format;
  format.escape_ = escape;
  format.text_ = std::move(*compiled);
  return format;
}

LogFormat LogFormat::combined(const route::VariableNames& names) {
  auto format = compile(LogEscape::kDefault, kCombined, names);
  return format ? std::move(*format) : LogFormat();
}

void LogFormat::render(const route::VariableSource& source, Arena& arena, std::string& out) const {
  if (text_.is_literal()) out += text_.text();
  for (const route::Template::Part& part : text_.parts()) {
    if (!part.is_variable) {
      out += part.literal;
      continue;
    }
    const route::VariableValue value = source.variable(part.variable, arena);
    if (value.found)
      append_escaped(out, value.text, escape_);
    else if (escape_ == LogEscape::kDefault)
      out += '-';
  }
  out += '\n';
}

}  // namespace weir::observe
