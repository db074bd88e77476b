// Resolving with a memory.
#include "server/names.h"

#include <algorithm>

#include "io/resolver.h"

namespace weir::server {
namespace {

constexpr Millis kOneName{2'000};
constexpr MonoMs kAllNames = 10'000;

Result<std::vector<SocketAddress>> look_up(const std::string& host, uint16_t port, Millis timeout) {
  Result<io::ResolveAnswer> answer = io::resolve_blocking(host, port, timeout);
  if (!answer) return Unexpected{answer.error()};
  return std::move(answer->addresses);
}

}  // namespace

NameBook::NameBook() : NameBook(look_up) {}

ResolveName NameBook::fresh() {
  asked_.clear();
  unresolved_.clear();
  load_ends_ = monotonic_ms() + kAllNames;
  return [this](const std::string& host, uint16_t port) -> Result<std::vector<SocketAddress>> {
    const Name name{host, port};
    if (!asked_[name]) {
      asked_[name] = true;
      const auto answer = ask(name);
      if (!answer && addresses_.find(name) == addresses_.end()) unresolved_[name] = answer.error();
    }
    return known()(host, port);
  };
}

ResolveName NameBook::known() {
  return [this](const std::string& host, uint16_t port) -> Result<std::vector<SocketAddress>> {
    if (const auto found = addresses_.find({host, port}); found != addresses_.end()) return found->second;
    const auto why = unresolved_.find({host, port});
    return Unexpected{why == unresolved_.end() ? "host not found" : why->second};
  };
}

bool NameBook::retry() {
  load_ends_ = monotonic_ms() + kAllNames;
  bool found = false;
  for (auto name = unresolved_.begin(); name != unresolved_.end();) {
    if (ask(name->first)) {
      found = true;
      name = unresolved_.erase(name);
    } else {
      ++name;
    }
  }
  return found;
}

Result<std::vector<SocketAddress>> NameBook::ask(const Name& name) {
  const MonoMs left = load_ends_ - monotonic_ms();
  if (cancelled_.load() || left <= 0) return Unexpected{std::string("timed out with the names before it")};
  auto answer = lookup_(name.first, name.second, std::min(kOneName, Millis(left)));
  if (answer && answer->empty()) return Unexpected{std::string("host not found")};
  if (answer) addresses_[name] = *answer;
  return answer;
}

}  // namespace weir::server
