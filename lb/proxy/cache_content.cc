// What the cache has for a request, and who is asked instead.
#include "proxy/cache_content.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "cache/store.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {

using cache::Outcome;

namespace {

using Is = cache::Zone::Found::Is;
using http::HeaderToken;
using http::Method;

constexpr size_t kCacheReadAhead = 128 * 1024;
// How long is waited for an answer that is complete and being written, whatever proxy_cache_lock says.
constexpr Millis kWriting{1'000};
constexpr int kMostWaits = 100;  // of one request that waits; beyond that it asks a peer

}  // namespace

CacheContent::CacheContent(Core& core, Exchange& exchange)
    : core_(core),
      x_(exchange),
      reader_(core.loop(), *this, core.options().asks_file_caches),
      answer_(core, exchange, reader_) {}

CacheContent::~CacheContent() = default;

const CacheOptions& CacheContent::options() const {
  return x_.location().cache;
}

int64_t CacheContent::wall() const {
  return core_.loop().wall_us() / 1'000'000;
}

bool CacheContent::is_cached_method() const {
  const Method method = x_.request().head.method;
  return method == Method::kGet || method == Method::kHead || (method == Method::kPost && options().caches_post);
}

bool CacheContent::any_holds(const std::vector<route::Template>& conditions) const {
  return std::any_of(conditions.begin(), conditions.end(), [&](const route::Template& each) {
    const std::string_view text = each.render(x_, x_.arena());
    return !text.empty() && text != "0";
  });
}

// --- what is there
// ---------------------------------------------------------------------------------------------------------------

void CacheContent::begin() {
  x_.run(*this);
  release();
  outcome_ = Outcome::kNone;
  const Request& request = x_.request();
  const http::RequestHead& head = request.head;
  stores_ = is_cached_method();
  // What it becomes is no answer, and what its body says is not in the key: of a POST it is, but for one that has not
  // come whole (client_body_buffer_size).
  const bool is_plain =
      head.fields.find(HeaderToken::kUpgrade) == nullptr &&
      (head.framing == http::Framing::kNone || (head.method == Method::kPost && request.is_whole() && request.held));
  invalidates_ = !stores_ && head.method != Method::kOptions && head.method != Method::kTrace &&
                 head.method != Method::kConnect && head.method != Method::kPropfind &&
                 head.method != Method::kReport && head.method != Method::kSearch && head.method != Method::kQuery;
  stores_ = stores_ && is_plain;
  if (!stores_ && !invalidates_) return pass_on();
  if (const int status = x_.proxy().find_target(); status != 0) {
    x_.answer(status);
    return;
  }
  if (!choose_zone()) return;
  if (zone_ == nullptr) {
    stores_ = invalidates_ = false;
    return pass_on();
  }
  key_ = options().key.render(x_, x_.arena());
  if (!stores_) return pass_on();
  looks_ = 0;
  locked_until_ = writing_until_ = 0;
  look();
}

// As nginx: what no proxy_cache_path has is the operator's error.
bool CacheContent::choose_zone() {
  const CacheOptions& options = this->options();
  zone_ = options.running;
  if (!options.name) return true;
  const std::string_view name = options.name->render(x_, x_.arena());
  if (name.empty() || name == "off") return true;
  for (const auto& zone : options.all_running)
    if (zone->name() == name) zone_ = zone;
  if (zone_ != nullptr || !stores_) return true;
  LogLimit& limit = x_.server().log->no_cache;
  if (limit.pass(core_.loop().now()))
    log::error("location ", x_.location().pattern, ": no cache \"", name, "\" (connection ",
               x_.downstream().connection().number, ")", limit.dropped());
  x_.answer(500);
  return false;
}

void CacheContent::look() {
  const CacheOptions& options = this->options();
  const bool bypassed = any_holds(options.bypass);
  cache::Zone::Lookup lookup{key_, x_.request().head.fields, core_.loop().now(), wall()};
  lookup.min_uses = options.min_uses;
  lookup.locks = options.locks;
  lookup.lock_age = options.lock_age;
  found_ = zone_->find(lookup);
  if (bypassed) {
    outcome_ = Outcome::kBypass;
    pass_on();
    return;
  }
  found();
}

void CacheContent::found() {
  // The update is a GET without a body, and that of a POST is in its key.
  const bool may_update = options().updates_aside && !x_.is_cache_update() && x_.request().head.method != Method::kPost;
  outcome_ = Outcome::kMiss;
  switch (found_.is) {
    case Is::kFresh: return open(Purpose::kServe);
    case Is::kScarce: stores_ = false; return pass_on();
    case Is::kMiss: return pass_on();
    case Is::kWriting: return wait(writing_until_, kWriting);
    case Is::kLocked: return wait(locked_until_, options().lock_timeout);
    case Is::kUpdating: return open(may_be_served_stale(false) ? Purpose::kServe : Purpose::kKeep);
    case Is::kStale: return open(may_update && may_be_served_stale(false) ? Purpose::kServe : Purpose::kKeep);
  }
}

// RFC 9111 4.2.4: never where the answer forbids it. Beyond that the operator decides, or the answer itself (RFC 5861).
bool CacheContent::may_be_served_stale(bool because_of_error) const {
  const cache::Freshness& fresh = found_.freshness;
  if (fresh.must_revalidate) return false;
  if (because_of_error) return wall() < fresh.until + fresh.stale_if_error;
  return options().use_stale.updating || wall() < fresh.until + fresh.stale_while_updating;
}

// --- another request fetches it
// ---------------------------------------------------------------------------------------------------------------

void CacheContent::wait(MonoMs& until, Millis most) {
  const MonoMs now = core_.loop().now();
  if (until == 0) until = now + most.count();
  if (now >= until || ++looks_ > kMostWaits) {
    stores_ = false;  // whoever fetches it keeps it
    pass_on();
    return;
  }
  token_ = std::make_shared<CacheContent*>(this);
  waiter_ = zone_->wait(found_.digest, [loop = &core_.loop(), token = std::weak_ptr(token_)] {
    loop->post([token] {
      if (const auto held = token.lock()) (*held)->look_again();
    });
  });
  step_ = Step::kWaiting;
  if (waiter_ == 0) return look_again();
  // Whoever fetches it may take too long (lock_age): then the first to look is the one to fetch it.
  core_.loop().arm(deadline_, found_.is == Is::kLocked ? std::min(until, found_.update_until) : until);
}

void CacheContent::on_deadline(Deadline&) {
  look_again();
}

void CacheContent::look_again() {
  stop_waiting();
  step_ = Step::kIdle;
  look();
}

void CacheContent::stop_waiting() {
  deadline_.cancel();
  token_.reset();
  if (waiter_ != 0) zone_->stop_waiting(found_.digest, std::exchange(waiter_, 0));
}

// --- its file
// ---------------------------------------------------------------------------------------------------------------

void CacheContent::open(Purpose purpose) {
  purpose_ = purpose;
  step_ = Step::kOpening;
  const std::string path = zone_->path_of(found_.digest);
  const io::FileReader::Candidate candidate[] = {{path, io::FileReader::Want::kRegular}};
  const bool reads = purpose == Purpose::kServe && x_.request().head.method != Method::kHead;
  if (reader_.find(candidate, {.read_ahead = reads ? kCacheReadAhead : 16 * 1024})) opened();
}

void CacheContent::on_file_ready() {
  if (step_ == Step::kOpening)
    opened();
  else if (step_ == Step::kServing)
    answer_.has_read_on();
}

void CacheContent::opened() {
  if (reader_.found() >= 0 && reader_.error() == 0 && reader_.bytes_at() == 0) {
    const size_t wanted = cache::head_bytes(reader_.bytes());
    if (wanted > reader_.bytes().size() && static_cast<int64_t>(wanted) <= reader_.facts().size &&
        !std::exchange(has_stored_, true) && !reader_.read(0, wanted))
      return;
  }
  has_stored_ = take_head();
  if (!has_stored_) {
    zone_->lost(found_.digest);
    reader_.close();
    outcome_ = Outcome::kMiss;
    pass_on();
    return;
  }
  if (purpose_ == Purpose::kServe) {
    switch (found_.is) {
      case Is::kStale: return serve(updates_aside() ? Outcome::kStale : Outcome::kUpdating);
      case Is::kUpdating: return serve(Outcome::kUpdating);
      default: return serve(Outcome::kHit);
    }
  }
  outcome_ = Outcome::kExpired;
  pass_on();
}

bool CacheContent::take_head() {
  if (reader_.found() < 0 || reader_.error() != 0) return false;
  stored_bytes_.assign(reader_.bytes().substr(0, cache::head_bytes(reader_.bytes())));
  return cache::decode(stored_bytes_, stored_) && stored_.key == key_ &&
         reader_.facts().size == static_cast<int64_t>(stored_bytes_.size()) + stored_.body_bytes;
}

// The subrequest is given the update: it finds nobody else at it.
bool CacheContent::updates_aside() {
  end_update();
  return core_.mirrors().update_cache(x_, x_.asked_target());
}

// --- a peer is asked
// ---------------------------------------------------------------------------------------------------------------

void CacheContent::pass_on() {
  step_ = Step::kPassedOn;
  asked_at_ = wall();
  x_.run(x_.proxy());
  const bool listens = stores_ || invalidates_ || has_stored_;
  listens ? x_.proxy().begin(*this) : x_.proxy().begin();
}

void CacheContent::on_request_body(std::string_view piece) {
  x_.request().body.append(piece);
}

bool CacheContent::wants_request_body() {
  return x_.request().body.size() < Gate::kHigh;
}

void CacheContent::resume() {
  if (step_ == Step::kServing && reader_.is_open()) answer_.resume();  // else abort() has ended it
}

void CacheContent::resume_response(const Chain&) {
  answer_.go_on();
}

void CacheContent::abort(ErrorKind) {
  reader_.close();
  stop_waiting();
}

void CacheContent::end() {
  x_.proxy().end();  // its target was looked for
}

// Others need not wait for it any longer.
void CacheContent::end_update() {
  if (found_.update != 0) zone_->end_update(found_.digest, std::exchange(found_.update, 0));
}

void CacheContent::release() {
  if (step_ == Step::kIdle && found_.update == 0) return;
  stop_waiting();
  drop_store();
  end_update();
  answer_.end();
  reader_.close();
  step_ = Step::kIdle;
  stores_ = invalidates_ = has_stored_ = is_refreshed_ = false;
  found_ = {};
  cut_ = {};
}

void CacheContent::end_life() {
  release();
  if (outcome_ != Outcome::kNone) zone_->count(outcome_);
  outcome_ = Outcome::kNone;
  zone_.reset();
}

}  // namespace weir::proxy
