// Escaping is the format's: \\ and \n in a HELP text, \" too in a label's value.
#include "observe/exposition.h"

namespace weir::observe {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quoted)
      out += "\\\"";
    else
      out += c;
  }
}

std::string seconds_text(int64_t micros) {
  const bool negative = micros < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::string fraction = std::to_string(size % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return (negative ? "-" : "") + std::to_string(size / 1'000'000) + "." + fraction;
}

std::string_view word_of(Exposition::Type type) {
  switch (type) {
    case Exposition::Type::kCounter: return "counter";
    case Exposition::Type::kGauge: return "gauge";
    case Exposition::Type::kHistogram: return "histogram";
  }
  return {};
}

}  // namespace

Exposition& Exposition::family(std::string_view name, Type type, std::string_view help) {
  family_ = name;
  out_.append("# HELP ").append(name) += ' ';
  append_escaped(out_, help, false);
  out_.append("\n# TYPE ").append(name).append(" ").append(word_of(type)) += '\n';
  return *this;
}

Exposition& Exposition::seconds(int64_t micros, Labels labels) {
  return text_sample(seconds_text(micros), labels);
}

Exposition& Exposition::durations(const HistogramSum& sum, std::span<const int64_t> bounds, Labels labels) {
  for (const int64_t bound : bounds)
    text_sample(std::to_string(sum.at_most(bound)), labels, "_bucket", seconds_text(bound));
  text_sample(std::to_string(sum.count()), labels, "_bucket", "+Inf");
  text_sample(seconds_text(static_cast<int64_t>(sum.sum_micros())), labels, "_sum");
  return text_sample(std::to_string(sum.count()), labels, "_count");
}

Exposition& Exposition::text_sample(std::string_view value, Labels labels, std::string_view suffix,
                                    std::string_view bound) {
  out_.append(family_).append(suffix);
  char before = '{';
  const auto add = [&](std::string_view name, std::string_view text) {
    out_ += std::exchange(before, ',');
    out_.append(name) += "=\"";
    append_escaped(out_, text, true);
    out_ += '"';
  };
  for (const auto& [name, text] : labels) add(name, text);
  if (!bound.empty()) add("le", bound);
  if (before == ',') out_ += '}';
  out_ += ' ';
  out_.append(value) += '\n';
  return *this;
}

}  // namespace weir::observe
