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

}  // namespace

Exposition& Exposition::family(std::string_view name, Type type, std::string_view help) {
  family_ = name;
  out_.append("# HELP ").append(name) += ' ';
  append_escaped(out_, help, false);
  out_.append("\n# TYPE ").append(name).append(type == Type::kCounter ? " counter\n" : " gauge\n");
  return *this;
}

Exposition& Exposition::seconds(int64_t micros, Labels labels) {
  const bool negative = micros < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(micros) : static_cast<uint64_t>(micros);
  std::string fraction = std::to_string(size % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return text_sample((negative ? "-" : "") + std::to_string(size / 1'000'000) + "." + fraction, labels);
}

Exposition& Exposition::text_sample(std::string_view value, Labels labels) {
  out_ += family_;
  char before = '{';
  for (const auto& [name, text] : labels) {
    out_ += std::exchange(before, ',');
    out_.append(name) += "=\"";
    append_escaped(out_, text, true);
    out_ += '"';
  }
  if (labels.size() != 0) out_ += '}';
  out_ += ' ';
  out_.append(value) += '\n';
  return *this;
}

}  // namespace weir::observe
