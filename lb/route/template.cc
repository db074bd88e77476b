// Compiling "$name and ${name}" into parts, and rendering the parts into an arena.
#include "route/template.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace weir::route {
namespace {

bool is_name_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '_';
}

}  // namespace

Template Template::literal(std::string text) {
  Template out;
  out.literal_ = std::move(text);
  return out;
}

// nginx's ngx_http_script_compile: "$1" is one digit, so that "$10" is the first capture and a "0".
Result<Template> Template::compile(std::string_view text, const VariableNames& names) {
  Template out;
  out.literal_ = text;
  size_t at = 0;
  while (at < text.size()) {
    const size_t dollar = text.find('$', at);
    if (dollar != at) {
      Part part;
      part.literal = text.substr(at, dollar == std::string_view::npos ? dollar : dollar - at);
      out.parts_.push_back(std::move(part));
      if (dollar == std::string_view::npos) break;
    }
    at = dollar + 1;
    const bool bracket = at < text.size() && text[at] == '{';
    if (bracket) ++at;
    size_t end = at;
    if (!bracket && end < text.size() && text[end] >= '1' && text[end] <= '9') {
      ++end;
    } else {
      while (end < text.size() && is_name_char(text[end])) ++end;
    }
    const std::string_view name = text.substr(at, end - at);
    if (bracket && (end == text.size() || text[end] != '}')) {
      if (name.empty() && end == text.size()) return Unexpected{std::string("invalid variable name")};
      return Unexpected{"the closing bracket in \"" + std::string(name) + "\" variable is missing"};
    }
    if (name.empty()) return Unexpected{std::string("invalid variable name")};
    auto ref = names.find(name);
    if (!ref) return Unexpected{std::move(ref.error())};
    Part part;
    part.variable = std::move(*ref);
    part.is_variable = true;
    out.parts_.push_back(std::move(part));
    at = bracket ? end + 1 : end;
  }
  if (out.parts_.size() == 1 && !out.parts_[0].is_variable) out.parts_.clear();
  return out;
}

std::string_view Template::render(const VariableSource& source, Arena& arena) const {
  if (parts_.empty()) return literal_;
  if (parts_.size() == 1) return source.variable(parts_[0].variable, arena).text;

  // Values first, since answering a variable may itself use the arena; then one copy of exactly the right size.
  constexpr size_t kOnStack = 16;
  std::array<std::string_view, kOnStack> stack;
  std::string_view* pieces = stack.data();
  if (parts_.size() > kOnStack) {
    pieces = reinterpret_cast<std::string_view*>(
        arena.allocate(parts_.size() * sizeof(std::string_view), alignof(std::string_view)));
  }
  size_t total = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    new (&pieces[i]) std::string_view(part.is_variable ? source.variable(part.variable, arena).text
                                                       : std::string_view(part.literal));
    total += pieces[i].size();
  }
  if (total == 0) return {};
  char* const begin = arena.allocate(total);
  char* to = begin;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!pieces[i].empty()) std::memcpy(to, pieces[i].data(), pieces[i].size());
    to += pieces[i].size();
  }
  return {begin, total};
}

}  // namespace weir::route
