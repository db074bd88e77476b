// The cache beside a peer's answer: what is asked of the peer, what is kept of it, and when the older answer stands in.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "cache/store.h"
#include "http/forward.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

// Of a request: they speak of the client's copy, or of a part.
bool is_of_copy(const http::Field& field) {
  constexpr http::TokenSet kOfCopy{HeaderToken::kIfModifiedSince, HeaderToken::kIfNoneMatch, HeaderToken::kRange};
  if (field.token != HeaderToken::kOther) return kOfCopy.has(field.token);
  for (const std::string_view name : {"If-Match", "If-Unmodified-Since", "If-Range"})
    if (iequals(field.name, name)) return true;
  return false;
}

// Of an answer: it is this connection's, or is found out anew.
bool is_stored_field(const http::Field& field) {
  return !field.dropped && !http::is_hop_by_hop(field.token) && field.token != HeaderToken::kContentLength &&
         !(field.token == HeaderToken::kOther && iequals(field.name, "Age"));
}

bool is_timeout(ErrorKind kind) {
  return kind == ErrorKind::kConnectTimeout || kind == ErrorKind::kHeaderTimeout || kind == ErrorKind::kSendTimeout ||
         kind == ErrorKind::kBodyTimeout || kind == ErrorKind::kQueueTimeout;
}

bool is_unreadable(ErrorKind kind) {
  return kind == ErrorKind::kInvalidResponse || kind == ErrorKind::kNotHttp;
}

}  // namespace

bool CacheContent::asks_get() const {
  return stores_ && options().converts_head && x_.request().head.method == http::Method::kHead;
}

void CacheContent::edit_request(http::FieldList& fields) {
  if (!stores_) return;
  for (http::Field& field : fields)
    if (is_of_copy(field)) field.dropped = true;
  if (!has_stored_ || !options().revalidates) return;
  if (const std::string_view etag = stored_field("ETag"); !etag.empty())
    fields.add_clean("If-None-Match", x_.arena().copy(etag), HeaderToken::kIfNoneMatch);
  if (const std::string_view modified = stored_field("Last-Modified"); !modified.empty())
    fields.add_clean("If-Modified-Since", x_.arena().copy(modified), HeaderToken::kIfModifiedSince);
}

bool CacheContent::takes_answer(const http::ResponseHead& response) {
  const int status = response.status;
  if (invalidates_ && status >= 200 && status < 400) zone_->invalidate(key_);
  if (!has_stored_) return false;
  if (status == 304 && stores_ && options().revalidates) return refreshes(response);
  if (stored_.freshness.must_revalidate) return false;
  const auto& statuses = options().use_stale.statuses;
  return std::find(statuses.begin(), statuses.end(), status) != statuses.end() ||
         (status >= 500 && may_be_served_stale(true));
}

bool CacheContent::stands_in(ErrorKind kind) {
  if (!has_stored_ || stored_.freshness.must_revalidate) return false;
  const UseStale& use = options().use_stale;
  const bool is_used = is_timeout(kind) ? use.timeout : is_unreadable(kind) ? use.invalid_header : use.error;
  return is_used || may_be_served_stale(true);
}

// RFC 9111 4.3.4: the stored answer has the newer fields from now on.
bool CacheContent::refreshes(const http::ResponseHead& response) {
  http::ResponseHead merged;
  merged.status = stored_.status;
  for (const auto& [name, value] : stored_.fields) {
    const bool is_replaced = std::any_of(
        response.fields.begin(), response.fields.end(),
        [&, name = name](const http::Field& field) { return is_stored_field(field) && iequals(field.name, name); });
    if (!is_replaced) merged.fields.add(name, value, http::header_token(name), false);
  }
  for (const http::Field& field : response.fields)
    if (is_stored_field(field)) merged.fields.add(field.name, field.value, field.token, false);
  // For the judgement alone: what is kept has the age itself (RFC 9111 4.2.3).
  if (const http::Field* const age = response.fields.find("Age"); age != nullptr)
    merged.fields.add(age->name, age->value, age->token, false);
  const CacheOptions& options = this->options();
  const int64_t now = wall();
  cache::StoredHead head = stored_;
  head.freshness = cache::judge(x_.request().head, merged, options.rules(), asked_at_, now);
  head.came_at = now;
  head.fields.clear();
  for (const http::Field& field : merged.fields)
    if (is_stored_field(field)) head.fields.emplace_back(field.name, field.value);
  is_refreshed_ = true;
  if (head.freshness.is_kept) {
    auto store = std::make_unique<cache::Store>(zone_, found_, head);
    store->complete_with_body_of(zone_->path_of(found_.digest), stored_bytes_);
  }
  // What goes to this client is the answer as it is now.
  refreshed_bytes_ = cache::encode(head);
  return cache::decode(refreshed_bytes_, stored_);
}

void CacheContent::begin_store(http::ResponseHead& response) {
  cut_ = {};
  const cache::Freshness fresh = judge(response);
  if (!fresh.is_kept) {
    end_update();
    return;
  }
  http::drop_hop_by_hop(response.fields);
  cache::StoredHead head;
  head.freshness = fresh;
  head.came_at = wall();
  head.status = response.status;
  head.reason = response.reason;
  head.key = key_;
  const std::string vary = options().ignored.vary ? std::string() : cache::vary_names(response.fields);
  const std::string variant = vary.empty() ? std::string() : cache::variant_of(vary, x_.request().head.fields);
  head.vary = vary;
  head.variant = variant;
  for (const http::Field& field : response.fields)
    if (is_stored_field(field)) head.fields.emplace_back(field.name, field.value);
  store_ = std::make_unique<cache::Store>(zone_, found_, head);
}

// How long this answer is to be kept, if it is.
cache::Freshness CacheContent::judge(const http::ResponseHead& response) const {
  if (!stores_ || any_holds(options().no_store)) return {};
  // Of a HEAD that was passed on as it is.
  if (x_.request().head.method == http::Method::kHead && !options().converts_head) return {};
  return cache::judge(x_.request().head, response, options().rules(), asked_at_, wall());
}

void CacheContent::add_to_store(std::string_view bytes) {
  store_->add(bytes);
}

bool CacheContent::is_storing() const {
  return store_ != nullptr && store_->keeps();
}

void CacheContent::complete_store() {
  if (store_ != nullptr) std::exchange(store_, nullptr)->complete();
}

void CacheContent::drop_store() {
  store_.reset();
}

}  // namespace weir::proxy
