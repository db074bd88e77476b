// Log formats: a template whose values are escaped on their way into the line.
#include "observe/log_escape.h"

namespace weir::observe {
namespace {

constexpr std::string_view kCombined =
    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" "
    "\"$http_user_agent\"";

// Numbers where there always is one; the lists of attempts are text.
constexpr std::string_view kJson =
    R"({"time":"$time_iso8601","msec":$msec,"client":"$remote_addr","user":"$remote_user","scheme":"$scheme",)"
    R"("host":"$host","method":"$request_method","uri":"$request_uri","protocol":"$server_protocol",)"
    R"("status":"$status","bytes_received":$request_length,"bytes_sent":$bytes_sent,)"
    R"("body_bytes_sent":$body_bytes_sent,"duration":$request_time,"referer":"$http_referer",)"
    R"("user_agent":"$http_user_agent","request_id":"$request_id","trace_id":"$trace_id","span_id":"$span_id",)"
    R"("connection":$connection,"upstream":"$proxy_host","upstream_addr":"$upstream_addr",)"
    R"("upstream_status":"$upstream_status","upstream_connect_time":"$upstream_connect_time",)"
    R"("upstream_header_time":"$upstream_header_time","upstream_response_time":"$upstream_response_time",)"
    R"("upstream_reason":"$upstream_reason"})";

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

LogFormat LogFormat::json(const route::VariableNames& names) {
  auto format = compile(LogEscape::kJson, kJson, names);
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
