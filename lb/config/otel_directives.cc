// otel_*: which requests become spans of OpenTelemetry, and where those go. The names are those of nginx's own module.
#include <algorithm>
#include <string>
#include <utility>

#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using observe::SpanExport;
using proxy::TraceOptions;
using Propagation = proxy::TraceOptions::Propagation;

TraceOptions& tracing_of(const Scope& scope) {
  return scope.level->location.tracing;
}

// --- otel_exporter and what stands in it
// ----------------------------------------------------------------------------------------------

void open_exporter(Call& call) {
  Scope scope{.context = kOtelExporter, .main = call.scope.main};
  call.builder.apply(*call.directive.block, scope);
  if (!scope.main->otel.is_on() && !call.builder.diagnostics().failed())
    call.error("\"otel_exporter\" needs an \"endpoint\"");
}
void show_exporter(Dump& dump, const Scope& scope) {
  if (!scope.main->otel.is_on()) return;
  Scope inner = scope;
  inner.context = kOtelExporter;
  dump.block("otel_exporter", inner);
}

// What is behind "http://" or "https://".
std::string_view behind_scheme(std::string_view url) {
  const size_t at = url.find("://");
  return at == std::string_view::npos ? std::string_view() : url.substr(at + 3);
}

void apply_endpoint(Call& call) {
  std::string url = call.arg(0);
  if (url.starts_with("file:")) {
    const std::string file = url.substr(5);
    if (file.empty()) return call.invalid(0, "file:PATH");
    call.scope.main->otel.endpoint = "file:" + call.builder.absolute(file);
    return;
  }
  const std::string_view rest = behind_scheme(url);
  const size_t slash = rest.find('/');
  const std::string_view host = rest.substr(0, slash);
  const bool is_http = url.starts_with("http://") || url.starts_with("https://");
  if (!is_http || host.empty() || url.find_first_of(" \t\r\n\"") != std::string::npos)
    return call.invalid(0, "http://HOST:4318/v1/traces, https:// or file:PATH (OTLP as JSON over HTTP, not gRPC)");
  if (host.ends_with(":4317")) call.warning("4317 is where collectors take gRPC, OTLP over HTTP is mostly at 4318");
  if (slash == std::string_view::npos) url += "/v1/traces";
  call.scope.main->otel.endpoint = std::move(url);
}
std::vector<std::string> show_endpoint(const Scope& scope) {
  if (!scope.main->otel.is_on()) return {};
  return {quote_word(scope.main->otel.endpoint)};
}

void apply_field(Call& call) {
  const std::string& name = call.arg(0);
  const std::string& value = call.arg(1);
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_tchar))
    return call.invalid(0, "the name of a header field");
  if (value.find_first_of("\r\n") != std::string::npos) return call.invalid(1, "a text of one line");
  call.scope.main->otel.fields.emplace_back(name, value);
}
std::vector<std::string> show_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::string> out;
  out.reserve(pairs.size());
  for (const auto& [name, value] : pairs) out.push_back(quote_word(name) + " " + quote_word(value));
  return out;
}
std::vector<std::string> show_fields(const Scope& scope) {
  return show_pairs(scope.main->otel.fields);
}

void apply_certificate(Call& call) {
  if (const auto text = call.builder.read_file(call.arg(0)); !text) return call.error_at(0, text.error());
  call.scope.main->otel.trusted_certificate = call.builder.absolute(call.arg(0));
}
std::vector<std::string> show_certificate(const Scope& scope) {
  if (scope.main->otel.trusted_certificate.empty()) return {};
  return {quote_word(scope.main->otel.trusted_certificate)};
}

void apply_resource(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "the name of an attribute");
  call.scope.main->otel.resource.emplace_back(call.arg(0), call.arg(1));
}
std::vector<std::string> show_resource(const Scope& scope) {
  return show_pairs(scope.main->otel.resource);
}

// --- of requests
// ----------------------------------------------------------------------------------------------------------------------

void apply_trace(Call& call) {
  auto when = call.compile(0);
  if (!when) return;
  if (when->is_literal() && when->text() != "on" && when->text() != "off")
    return call.invalid(0, "\"on\", \"off\" or a text with a variable");
  TraceOptions& tracing = tracing_of(call.scope);
  tracing.on = when->text() != "off";
  tracing.when = std::move(*when);
  if (tracing.on && !call.scope.main->otel.is_on())
    call.warning("no span leaves weir without an \"otel_exporter\" in http");
}
std::vector<std::string> show_trace(const Scope& scope) {
  const TraceOptions& tracing = tracing_of(scope);
  return {tracing.on ? quote_word(tracing.when.text()) : "off"};
}

constexpr std::pair<std::string_view, Propagation> kTraceContexts[] = {
    {"extract", Propagation::kExtract},
    {"inject", Propagation::kInject},
    {"propagate", Propagation::kPropagate},
    {"ignore", Propagation::kIgnore},
};
void apply_context(Call& call) {
  for (const auto& [word, context] : kTraceContexts)
    if (call.arg(0) == word) {
      tracing_of(call.scope).context = context;
      return;
    }
  call.invalid(0, "\"extract\", \"inject\", \"propagate\" or \"ignore\"");
}
std::vector<std::string> show_context(const Scope& scope) {
  for (const auto& [word, context] : kTraceContexts)
    if (tracing_of(scope).context == context) return {std::string(word)};
  return {};
}

void apply_name(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "some text");
  if (auto name = call.compile(0)) tracing_of(call.scope).name = std::move(*name);
}
std::vector<std::string> show_name(const Scope& scope) {
  if (tracing_of(scope).name.empty()) return {};
  return {quote_word(tracing_of(scope).name.text())};
}

void apply_attribute(Call& call) {
  auto& attributes = tracing_of(call.scope).attributes;
  if (call.first) attributes.clear();
  if (call.arg(0).empty()) return call.invalid(0, "the name of an attribute");
  if (auto value = call.compile(1)) attributes.push_back({call.arg(0), std::move(*value)});
}
std::vector<std::string> show_attributes(const Scope& scope) {
  std::vector<std::string> out;
  for (const TraceOptions::Attribute& each : tracing_of(scope).attributes)
    out.push_back(quote_word(each.key) + " " + quote_word(each.value.text()));
  return out;
}

constexpr auto kOtel = &MainConfig::otel;

const Row kRows[] = {
    {
        .name = "otel_exporter",
        .contexts = kHttp,
        .kind = {.form = "{ ... }", .least_args = 0, .most_args = 0},
        .help =
            "Where the spans of otel_trace go: OTLP's JSON over HTTP, or into a file, by a thread of its own. nginx's "
            "module has OTLP over gRPC instead.",
        .turn = Turn::kNames,
        .open = open_exporter,
        .show = show_exporter,
    },
    {
        .name = "endpoint",
        .contexts = kOtelExporter,
        .kind = {.form = "http[s]://HOST:PORT[/PATH] | file:PATH", .apply = apply_endpoint, .show = show_endpoint},
        .help = "The collector, /v1/traces where no path is written; or a file that gets one message a line.",
    },
    {
        .name = "interval",
        .contexts = kOtelExporter,
        .kind = kTime<kOtel, &SpanExport::interval>,
        .weir_default = "5s",
        .nginx_default = "5s",
        .help = "The longest that a span waits for others.",
        .least = 10,
        .most = 3'600'000,
    },
    {
        .name = "batch_size",
        .contexts = kOtelExporter,
        .kind = kNumber<kOtel, &SpanExport::batch_size>,
        .weir_default = "512",
        .nginx_default = "512",
        .help = "So many spans are sent at once, of all workers together.",
        .least = 1,
        .most = 65'536,
    },
    {
        .name = "batch_count",
        .contexts = kOtelExporter,
        .kind = kNumber<kOtel, &SpanExport::batch_count>,
        .weir_default = "4",
        .nginx_default = "4",
        .help = "So many batches may wait, of all workers together; spans that come beyond are dropped and counted.",
        .least = 1,
        .most = 1'024,
    },
    {
        .name = "header",
        .contexts = kOtelExporter,
        .kind = {.form = "FIELD VALUE", .least_args = 2, .most_args = 2, .apply = apply_field, .show = show_fields},
        .help = "A field that the collector wants to see, such as Authorization.",
        .times = Times::kMany,
    },
    {
        .name = "trusted_certificate",
        .contexts = kOtelExporter,
        .kind = {.form = "FILE", .apply = apply_certificate, .show = show_certificate},
        .help = "The CAs that a collector behind https:// is known by. Without it those that the system trusts.",
    },
    {
        .name = "otel_service_name",
        .contexts = kHttp,
        .kind = kText<kOtel, &SpanExport::service_name>,
        .weir_default = "unknown_service:weir",
        .nginx_default = "unknown_service:weir",
        .help = "What spans name as service.name.",
    },
    {
        .name = "otel_resource_attr",
        .contexts = kHttp,
        .kind = {.form = "NAME VALUE", .least_args = 2, .most_args = 2, .apply = apply_resource, .show = show_resource},
        .help = "An attribute of all spans together: deployment.environment.name and the like.",
        .times = Times::kMany,
    },
    {
        .name = "otel_trace",
        .contexts = kAnywhere,
        .kind = {.form = "on | off | TEXT", .apply = apply_trace, .show = show_trace},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether a request becomes a span, with one for each attempt at a peer. A text with variables is yes "
                "where it is \"on\" or \"1\": $otel_parent_sampled, or a split_clients of $otel_trace_id.",
        .turn = Turn::kWhole,
    },
    {
        .name = "otel_trace_context",
        .contexts = kAnywhere,
        .kind = {.form = "extract | inject | propagate | ignore", .apply = apply_context, .show = show_context},
        .weir_default = "ignore",
        .nginx_default = "ignore",
        .help = "Whether the trace of a client's traceparent goes on here, whether peers get weir's, or both.",
    },
    {
        .name = "otel_span_name",
        .contexts = kAnywhere,
        .kind = {.form = "TEXT", .apply = apply_name, .show = show_name},
        .help = "The name of a request's span; without it that of its location.",
    },
    {
        .name = "otel_span_attr",
        .contexts = kAnywhere,
        .kind =
            {.form = "NAME VALUE", .least_args = 2, .most_args = 2, .apply = apply_attribute, .show = show_attributes},
        .help = "One more attribute of a request's span. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> otel_rows() {
  return kRows;
}

}  // namespace weir::config
