// What an ACME server answers, read strictly (RFC 8555 7.1). Bytes in, values out: fuzzed. Errors are text for the
// operator.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acme/options.h"
#include "base/result.h"

namespace weir::acme {

struct Directory {
  std::string new_nonce, new_account, new_order;  // URLs
  std::string terms;                              // of service, a URL; empty: none
  bool external_account_required = false;
};

// RFC 7807 and RFC 8555 6.7.
struct Problem {
  std::string type;  // without "urn:ietf:params:acme:error:": "badNonce"
  std::string text;  // detail, and those of subproblems; printable, of limited length
};

// What is settled is one of the last two; kInvalid stands for revoked, expired and deactivated, too.
enum class Standing : uint8_t { kPending, kReady, kProcessing, kValid, kInvalid };

struct Challenge {
  ChallengeKind kind = ChallengeKind::kHttp;
  Standing standing = Standing::kPending;
  std::string url;
  std::string token;  // base64url: safe as a file's name
  Problem problem;    // why it is invalid
};

struct Authorization {
  Standing standing = Standing::kPending;
  std::string name;                   // lower case
  std::vector<Challenge> challenges;  // of the kinds that weir knows
};

struct Order {
  Standing standing = Standing::kPending;
  std::vector<std::string> authorizations;  // URLs
  std::string finalize;                     // URL
  std::string certificate;                  // URL; empty: not yet
  Problem problem;
};

Result<Directory> read_directory(std::string_view json);
Result<Authorization> read_authorization(std::string_view json);
Result<Order> read_order(std::string_view json);
// Nullopt: it is none.
std::optional<Problem> read_problem(std::string_view json);
// Retry-After (RFC 9110 10.2.3) as seconds from `now`, wall time; between 0 and a week. Nullopt: none.
std::optional<int64_t> read_retry_after(std::string_view field, int64_t now);
// Whether it may be a token of a challenge.
bool is_token(std::string_view text);

}  // namespace weir::acme
