#include "config/order.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <unordered_map>

namespace weir::config {
namespace {

bool is_step(const Outline& block) {
  return block.head.starts_with("if ");
}
bool is_pattern(const Outline& block) {
  return block.head.starts_with("location ~");
}

std::string_view text_of(std::string_view line) {
  if (line.ends_with(';')) line.remove_suffix(1);
  return line;
}

}  // namespace

Sequence steps_of(const Outline& block) {
  Sequence out;
  out.reserve(block.lines.size() + block.blocks.size());
  size_t lines = 0;
  const auto lines_up_to = [&](size_t end) {
    for (; lines < end; ++lines) out.push_back(text_of(*block.lines[lines]));
  };
  for (const Outline& each : block.blocks) {
    if (!is_step(each)) continue;
    lines_up_to(each.at);
    out.push_back(each.head);
  }
  lines_up_to(block.lines.size());
  return out;
}

Sequence patterns_of(const Outline& block) {
  Sequence out;
  for (const Outline& each : block.blocks)
    if (is_pattern(each)) out.push_back(each.head);
  return out;
}

Sequence sequence_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

bool stand_alike(const Outline& before, const Outline& after) {
  const auto is_alike = [](const Outline& a, const Outline& b) { return a.head == b.head && a.at == b.at; };
  return before.lines == after.lines &&
         std::equal(before.blocks.begin(), before.blocks.end(), after.blocks.begin(), after.blocks.end(), is_alike);
}

std::optional<Swap> first_swap(const Sequence& before, const Sequence& after) {
  std::span<const std::string_view> old(before), now(after);
  while (!old.empty() && !now.empty() && old.front() == now.front()) {
    old = old.subspan(1);
    now = now.subspan(1);
  }
  while (!old.empty() && !now.empty() && old.back() == now.back()) {
    old = old.first(old.size() - 1);
    now = now.first(now.size() - 1);
  }
  if (old.empty() || now.empty()) return std::nullopt;
  std::unordered_map<std::string_view, ptrdiff_t> more;  // than before, of one text
  more.reserve(old.size() + now.size());
  for (const std::string_view each : old) --more[each];
  for (const std::string_view each : now) ++more[each];
  const auto is_kept = [&more](std::string_view text) { return more[text] == 0; };
  for (size_t i = 0, j = 0;; ++i, ++j) {
    while (i < old.size() && !is_kept(old[i])) ++i;
    while (j < now.size() && !is_kept(now[j])) ++j;
    if (i >= old.size() || j >= now.size()) return std::nullopt;
    if (old[i] != now[j]) return Swap(now[j], old[i]);
  }
}

}  // namespace weir::config
