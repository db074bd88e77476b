// Adding the rows of a map, and ngx_http_map_find's order: exact and wildcard names, then regexes, then the default.
#include "route/map.h"

#include "base/bytes.h"
#include "route/capture_source.h"

namespace weir::route {
namespace {

// The maps that are being evaluated on this thread, innermost first: one that comes up again is a circle.
struct Frame {
  const Map* map;
  const Frame* outer;
};
thread_local const Frame* innermost = nullptr;

class FrameGuard {
 public:
  explicit FrameGuard(const Map* map) : frame_{map, innermost} { innermost = &frame_; }
  ~FrameGuard() { innermost = frame_.outer; }
  FrameGuard(const FrameGuard&) = delete;
  FrameGuard& operator=(const FrameGuard&) = delete;

 private:
  Frame frame_;
};

bool is_circle(const Map* map) {
  for (const Frame* frame = innermost; frame != nullptr; frame = frame->outer)
    if (frame->map == map) return true;
  return false;
}

}  // namespace

Status<> Map::add(std::string_view key, Template value) {
  const auto duplicate = [&] { return Unexpected{"conflicting parameter \"" + std::string(key) + "\""}; };
  if (key == "default") {
    if (has_default_) return Unexpected{std::string("duplicate default map parameter")};
    has_default_ = true;
    default_ = std::move(value);
    return Void{};
  }
  if (!key.empty() && key[0] == '~') {
    std::string_view pattern = key.substr(1);
    const bool ignore_case = !pattern.empty() && pattern[0] == '*';
    if (ignore_case) pattern.remove_prefix(1);
    if (pattern.empty()) return Unexpected{"empty regex in map parameter \"" + std::string(key) + "\""};
    auto regex = Regex::compile(pattern, ignore_case);
    if (!regex) return Unexpected{"invalid regex in map parameter \"" + std::string(key) + "\": " + regex.error()};
    regexes_.emplace_back(std::move(*regex), std::move(value));
    return Void{};
  }
  std::string_view name = key;
  if (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  const bool is_name = name.empty() || name[0] != '~';  // "\\~x" is text that a host table would take for a regex
  if (!hostnames_ || !is_name) {
    if (!exact_.try_emplace(lowered(name), std::move(value)).second) return duplicate();
    return Void{};
  }
  if (auto added = hosts_.add(name, static_cast<int>(host_values_.size())); !added) {
    if (added.error().starts_with("conflicting")) return duplicate();
    return Unexpected{"invalid hostname or wildcard \"" + std::string(key) + "\""};
  }
  host_values_.push_back(std::move(value));
  return Void{};
}

Map::Found Map::find(const VariableSource& source, Arena& arena) const {
  std::string_view text = source_.render(source, arena);
  if (hostnames_ && !text.empty() && text.back() == '.') text.remove_suffix(1);

  if (!exact_.empty() || !host_values_.empty()) {
    char* const lower = text.empty() ? nullptr : arena.allocate(text.size());
    for (size_t i = 0; i < text.size(); ++i) lower[i] = to_lower(text[i]);
    const std::string_view key(lower, text.size());
    if (const auto it = exact_.find(key); it != exact_.end()) return {&it->second};
    if (!host_values_.empty())
      if (const int index = hosts_.find(key); index >= 0) return {&host_values_[static_cast<size_t>(index)]};
  }
  if (!text.empty()) {
    Found found{&default_};
    for (const auto& [regex, value] : regexes_) {
      const Regex::Outcome outcome = regex.run(text, &found.match);
      if (outcome == Regex::Outcome::kNo) continue;
      found.regex = &regex;
      found.failed = outcome == Regex::Outcome::kFailed;
      if (!found.failed) found.value = &value;
      return found;
    }
  }
  return {&default_};
}

std::string_view Map::lookup(const VariableSource& source, Arena& arena, const Regex** failed) const {
  if (is_circle(this)) return {};
  const FrameGuard guard(this);
  if (finder_ != nullptr) return finder_->find(source_.render(source, arena), source, arena);
  const Found found = find(source, arena);
  if (found.failed && failed != nullptr) *failed = found.regex;
  if (found.regex == nullptr || found.failed) return found.value->render(source, arena);
  return found.value->render(CaptureSource(source, *found.regex, found.match), arena);
}

VariableValue Map::capture(std::string_view name, const VariableSource& source, Arena& arena,
                           const Regex** failed) const {
  if (is_circle(this) || regexes_.empty()) return {};
  const FrameGuard guard(this);
  const Found found = find(source, arena);
  if (found.failed && failed != nullptr) *failed = found.regex;
  if (found.regex == nullptr || found.failed) return {};
  for (const auto& [each, index] : found.regex->names())
    if (iequals(each, name) && index < found.match.count) return {found.match.group[index], true};
  return {};
}

}  // namespace weir::route
