// Names to addresses on a loop, through c-ares and never on getaddrinfo's thread pool. dns.h has the blocking way.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/dns.h"
#include "io/loop.h"

namespace weir::io {

// Asynchronous, on a loop.
class Resolver {
 public:
  explicit Resolver(Loop& loop, std::vector<std::string> servers = {});  // "10.0.0.2:53"; empty: the system's
  ~Resolver();                                                           // cancels what is under way: no callback
  // `done` runs once, never from inside resolve(); it may ask again or destroy the resolver.
  void resolve(const std::string& name, uint16_t port, bool ipv6, std::function<void(Result<ResolveAnswer>)> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::io
