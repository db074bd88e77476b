#include "route/referers.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::route {
namespace {

constexpr size_t kShortest = 11;  // nginx's "http://i.ru"
constexpr size_t kLongestHost = 256;

}  // namespace

Status<> Referers::add(const std::string& word) {
  if (word.starts_with('~')) {
    auto regex = Regex::compile(std::string_view(word).substr(1), true);
    if (!regex) return Unexpected{regex.error() + " in \"" + word + "\""};
    regexes_.push_back(std::move(*regex));
    return Void{};
  }
  const size_t slash = word.find('/');
  const std::string host = lowered(std::string_view(word).substr(0, slash));
  if (host.empty()) return Unexpected{"invalid referer \"" + word + "\""};
  if (Status<> added = hosts_.add(host, static_cast<int>(paths_.size())); !added)
    return Unexpected{(added.error().starts_with("conflicting") ? "conflicting parameter \"" : "invalid hostname \"") +
                      word + "\""};
  paths_.push_back(slash == std::string::npos ? std::string() : word.substr(slash));
  return Void{};
}

Result<Referers> Referers::make(const RefererOptions& options, const std::vector<std::string>& own) {
  Referers out;
  out.none_ = options.none;
  out.blocked_ = options.blocked;
  for (const std::string& word : options.words)
    if (Status<> added = out.add(word); !added) return Unexpected{std::move(added.error())};
  if (!options.server_names) return out;
  for (const std::string& name : own) {
    if (name.empty()) continue;
    // One that is written as a referer too is that one; a regex is of the host alone.
    if (out.hosts_.add(name, static_cast<int>(out.paths_.size()))) out.paths_.emplace_back();
  }
  return out;
}

bool Referers::is_valid(std::optional<std::string_view> referer) const {
  if (empty()) return true;
  if (!referer) return none_;
  std::string_view rest = *referer;
  const auto scheme = [&rest](std::string_view text) {
    if (!iequals(rest.substr(0, text.size()), text)) return false;
    rest.remove_prefix(text.size());
    return true;
  };
  if (rest.size() < kShortest || !(scheme("http://") || scheme("https://"))) return blocked_;
  const std::string_view host = rest.substr(0, rest.find_first_of("/:"));
  if (host.size() > kLongestHost) return false;
  char lower[kLongestHost];
  std::transform(host.begin(), host.end(), lower, to_lower);
  if (const int index = hosts_.find({lower, host.size()}); index >= 0) {
    const size_t slash = rest.find('/');
    const std::string_view path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    return path.starts_with(paths_[static_cast<size_t>(index)]);
  }
  return std::any_of(regexes_.begin(), regexes_.end(), [&](const Regex& regex) { return regex.match(rest, nullptr); });
}

}  // namespace weir::route
