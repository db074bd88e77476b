// sticky cookie | route | learn of an upstream{}: how a request names the peer that it wants, and how it learns the
// name.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "policy/binding.h"
#include "route/template.h"

namespace weir::proxy {

enum class SameSite : uint8_t { kUnset, kLax, kStrict, kNone };

struct StickyOptions {
  enum class Kind : uint8_t { kNone, kCookie, kRoute, kLearn } kind = Kind::kNone;

  // sticky cookie NAME [expires= domain= path= httponly samesite= secure secret=]
  std::string cookie;
  std::optional<Millis> expires;  // none: a session's cookie
  bool expires_max = false;       // expires=max
  std::string domain;             // empty: not sent
  std::string path;               // empty: not sent (nginx's default); weir's default is "/"
  bool http_only = true;
  SameSite same_site = SameSite::kLax;
  enum class Secure : uint8_t { kAuto /* where the client came by TLS */, kOn, kOff } secure = Secure::kAuto;
  std::string secret;  // of the HMAC; empty: the one that weir keeps in its state file

  // sticky route $VARIABLE ...: the first that is not empty.
  std::vector<route::Template> routes;

  // sticky learn create=$VARIABLE lookup=$VARIABLE zone=NAME:SIZE [timeout=1h] [header]
  std::vector<route::Template> create, lookup;
  std::string zone;
  size_t zone_bytes = 0;
  Millis timeout{600'000};
  bool learn_from_header = false;  // `header`: bound as soon as the response's head is there, else at its end
};

// With the snapshot.
struct Sticky {
  StickyOptions options;
  std::unique_ptr<policy::Bindings> bindings;      // of the cluster it stands beside
  std::shared_ptr<policy::SessionTable> sessions;  // learn
  // A client of a backup goes back to the primaries when there are any. Not where the application itself named the
  // backup, by its route or a session that it has made: only that server knows the client.
  bool goes_home() const { return options.kind == StickyOptions::Kind::kCookie; }
};

}  // namespace weir::proxy
