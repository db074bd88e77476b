// Which answers may be kept, and for how long they may be served: RFC 9111 for a shared cache, with nginx's rules where
// it has words of its own (X-Accel-Expires, proxy_cache_valid). Pure functions of heads and times.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace weir::cache {

// proxy_cache_valid: how long an answer is fresh whose own fields say nothing.
struct ValidRule {
  std::vector<int> statuses;  // empty: any
  int64_t seconds = 0;        // 0: it is not kept
};

// proxy_ignore_headers.
struct IgnoredFields {
  bool accel_expires = false;
  bool cache_control = false;
  bool expires = false;
  bool set_cookie = false;
  bool vary = false;
};

struct FreshnessRules {
  const std::vector<ValidRule>& valid;
  IgnoredFields ignored = {};
  bool key_has_credentials = false;  // the key names the client's Authorization: answers are that client's alone
};

// Times in seconds since the Unix epoch.
struct Freshness {
  bool is_kept = false;
  bool must_revalidate = false;      // never served when it is stale
  int64_t age = 0;                   // of the answer when it came (RFC 9111 4.2.3)
  int64_t until = 0;                 // it is fresh
  int64_t stale_while_updating = 0;  // so many seconds beyond (RFC 5861)
  int64_t stale_if_error = 0;
};

// Of an answer that came at `answered_at` to a request that was sent at `asked_at`.
Freshness judge(const http::RequestHead& request, const http::ResponseHead& response, const FreshnessRules& rules,
                int64_t asked_at, int64_t answered_at);

// Names of all its Vary fields, lower case, each once, in order, with commas between; "*" when one of them is that.
std::string vary_names(const http::FieldList& fields);
// What that request says in the fields of those names, as a text that differs where they differ.
std::string variant_of(std::string_view names, const http::FieldList& fields);

}  // namespace weir::cache
