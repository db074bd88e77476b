// Names to addresses through c-ares, never on getaddrinfo's thread pool.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sockaddr.h"
#include "io/loop.h"

namespace weir::io {

struct ResolveAnswer {
  std::vector<SocketAddress> addresses;  // port as asked; IPv4 first, as nginx lists them
  int ttl_seconds = 0;                   // the least of the records; 0 for /etc/hosts
};

// Blocking, for configuration load on the control side: /etc/hosts, then DNS, under `timeout`. The error is text: "host
// not found in upstream "x"".
Result<ResolveAnswer> resolve_blocking(const std::string& name, uint16_t port, Millis timeout, bool ipv6 = true);

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
