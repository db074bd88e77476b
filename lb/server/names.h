// Host names of upstream servers and what they last resolved to. Used by one thread at a time: the one that builds.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/site_builder.h"

namespace weir::server {

class NameBook {
 public:
  using Lookup =
      std::function<Result<std::vector<SocketAddress>>(const std::string& host, uint16_t port, Millis timeout)>;

  // With io::resolve_blocking.
  NameBook();
  explicit NameBook(Lookup lookup) : lookup_(std::move(lookup)) {}

  // For one load: asks for each name once, for as long as all of them together may take. A name that does not resolve
  // now keeps the addresses that it had.
  ResolveName fresh();
  // Only what is known already: for a build that follows retry().
  ResolveName known();
  // Asks again for the names that have no address. True when one of them has some now.
  bool retry();
  bool has_unresolved() const { return !unresolved_.empty(); }
  // From any thread: lookups fail from here on.
  void cancel() { cancelled_.store(true); }

 private:
  using Name = std::pair<std::string, uint16_t>;
  Result<std::vector<SocketAddress>> ask(const Name& name);

  Lookup lookup_;
  std::map<Name, std::vector<SocketAddress>> addresses_;
  std::map<Name, std::string> unresolved_;  // and why
  std::map<Name, bool> asked_;              // of this load
  MonoMs load_ends_ = 0;
  std::atomic<bool> cancelled_{false};
};

}  // namespace weir::server
