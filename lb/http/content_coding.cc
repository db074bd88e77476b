// Accept-Encoding.
#include "http/content_coding.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::http {
namespace {

constexpr int kWhole = 1000;

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// "1", "0.25", "1.000": at most three digits behind the point, and not above 1. What follows a blank is not looked at.
int parse_weight(std::string_view text) {
  text = text.substr(0, text.find_first_of(" \t"));
  if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int weight = text[0] == '1' ? kWhole : 0;
  int unit = kWhole / 10;
  for (const char digit : text.substr(std::min<size_t>(text.size(), 2))) {
    if (!is_digit(digit)) return 0;
    weight += (digit - '0') * unit;
    unit /= 10;
  }
  return weight > kWhole ? 0 : weight;
}

// What stands behind the coding's name: nothing, or ";q=" and a weight.
int weight_of(std::string_view parameters) {
  skip_blanks(parameters);
  if (parameters.empty()) return kWhole;
  if (parameters.front() != ';') return 0;
  parameters.remove_prefix(1);
  skip_blanks(parameters);
  if (parameters.empty()) return kWhole;
  if (to_lower(parameters.front()) != 'q' || parameters.size() < 3 || parameters[1] != '=') return 0;
  return parse_weight(parameters.substr(2));
}

}  // namespace

int coding_weight(std::string_view list, std::string_view coding) {
  int weight = -1;
  for_each_list_element(list, [&](std::string_view element) {
    if (weight >= 0) return;
    const std::string_view name = element.substr(0, element.find_first_of("; \t"));
    if (iequals(name, coding)) weight = weight_of(element.substr(name.size()));
  });
  return std::max(weight, 0);
}

}  // namespace weir::http
