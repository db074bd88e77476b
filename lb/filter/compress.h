// gzip and brotli: answers are compressed for clients that take it, on nginx's conditions. brotli is as in Google's
// module for nginx.
//
// Compressing hides nothing: where an answer holds a secret and text that an attacker chooses, its length tells of the
// secret (BREACH). Nothing here can know; it is off by default, and gzip_types says where it is on.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/regex.h"
#include "filter/content_types.h"
#include "filter/encoder.h"
#include "filter/filter.h"
#include "http/head.h"

namespace weir::filter {

// Answers to requests that came through another proxy (with Via): which of them are compressed.
struct ProxiedOptions {
  bool off = true, any = false, auth = false;
  bool expired = false, no_cache = false, no_store = false, is_private = false;
  bool no_last_modified = false, no_etag = false;
};

struct CodingOptions {
  bool on = false;
  std::shared_ptr<const ContentTypes> types;  // null: text/html
  int64_t min_length = 20;                    // of a body whose length is known; bytes
  EncoderOptions encoder;
};

struct AgentPattern {
  std::string text;  // as written
  std::shared_ptr<const Regex> regex;
};

struct CompressOptions {
  CodingOptions gzip{.types = {}, .encoder = {}};
  CodingOptions brotli{.types = {},
                       .encoder = {.coding = Coding::kBrotli, .level = 6, .window_bits = 19, .memory_level = 0}};
  bool vary = false;                             // Vary: Accept-Encoding
  http::Version least = http::Version::kHttp11;  // gzip, of the request
  ProxiedOptions proxied;                        // gzip
  bool not_msie6 = false;                        // gzip_disable: browsers that are not to be sent gzip
  std::vector<AgentPattern> not_agents;
};

// What an answer is. `coding`: that it is to get; none: it goes out as it is. `varies`: another client might have got
// another coding.
struct CodingChoice {
  std::optional<Coding> coding;
  bool varies = false;
};
// `status`: that the client gets. `now`: of an answer without Date, microseconds of Unix time.
CodingChoice choose_coding(const CompressOptions& options, const http::RequestHead& request,
                           const http::ResponseHead& response, int status, int64_t now_us);

// Whether the client is to be sent gzip, by Accept-Encoding, gzip_http_version, gzip_proxied and gzip_disable.
bool takes_gzip(const CompressOptions& options, const http::RequestHead& request, const http::FieldList& response,
                int64_t now_us);

// The ETag of a body that is not byte for byte the peer's any more is a weak one (RFC 9110 8.8.1); ranges of it are not
// offered.
void mark_transformed(http::FieldList& fields, Arena& arena);
// Unless the answer says so already.
void vary_by_accept_encoding(http::FieldList& fields);

std::shared_ptr<const Filter> make_compress(CompressOptions options);

}  // namespace weir::filter
