// OTLP's JSON: an ExportTraceServiceRequest, as https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto's
// trace.proto have it. Names in camelCase, ids in hex, 64-bit numbers as strings.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "observe/span.h"

namespace weir::observe {

// One line, without its "\n".
std::string spans_to_otlp(const std::vector<Span>& spans, const SpanExport& options, std::string_view host_name);

// What a collector answers to it: spans that it has refused although its status is 200 (partialSuccess), and why.
struct OtlpRefusal {
  uint64_t spans = 0;
  std::string why;
};
OtlpRefusal refusal_of_otlp(std::string_view answer);

}  // namespace weir::observe
