// What a server line asks of the resolver.
#pragma once
#include <compare>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "io/dns.h"

namespace weir::runtime {

struct NameQuestion {
  io::DnsQuestion dns;
  bool resolve = false;  // asked again when the answer has run out
  Millis valid{0};       // how long an answer holds; 0: its TTL

  std::string text() const;  // "app.example:13000", "_http._tcp.app.example"
  auto operator<=>(const NameQuestion&) const = default;
};

NameQuestion question_of(const config::UpstreamModel& upstream, const config::UpstreamServer& server);

// Whether it is asked for at the load alone, and again only when no address of it takes a connection.
bool is_resolved_once(const config::UpstreamServer& server);
bool resolves_once(const config::Model& model);
// As written, each once.
std::vector<std::string> names_resolved_once(const config::Model& model);

// The peers that a name stands for; the error is text for the operator.
using ResolveName = std::function<Result<std::vector<io::ResolvedPeer>>(const NameQuestion& question)>;

}  // namespace weir::runtime
