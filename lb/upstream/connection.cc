#include "upstream/connection.h"

#include <algorithm>

#include "upstream/pool.h"

namespace weir::upstream {

Connection::Connection(Group& group, std::unique_ptr<io::Transport> transport, Slot& slot)
    : group_(group),
      transport_(std::move(transport)),
      slot_(slot),
      deadline_(this),
      created_(group.pool().loop().now()) {
  transport_->set_handler(this);
  transport_->want_read(true);
  group_.pool().count(+1);
}

Connection::~Connection() = default;

void Connection::retire() {
  closed_ = true;
  handler_ = nullptr;
  deadline_.cancel();
  transport_->close();
  group_.pool().count(-1);
}

void Connection::begin(LeaseHandler& handler, http::Method method, bool websocket) {
  handler_ = &handler;
  codec_.expect(http::kH1Stream, method, websocket);
  ++requests_;
  sent_before_ = transport_->bytes_sent();
  received_ = 0;
  keep_alive_ = request_sent_ = ended_ = false;
  keep_alive_timeout_ = -1;
}

bool Connection::reusable(MonoMs now) const {
  if (closed_ || switched_) return false;
  if (surplus_ || !stash_.empty()) return false;  // bytes beyond the response
  if (!ended_ || !request_sent_) return false;    // something is still to come or to go
  if (transport_->queued() != 0) return false;
  if (!keep_alive_) return false;
  const PoolOptions& options = group_.options();
  if (options.max_idle == 0 || group_.pool().draining()) return false;
  if (options.max_requests != 0 && requests_ >= options.max_requests) return false;
  return now - created_ < options.max_age.count();
}

void Connection::idle_since(MonoMs now) {
  MonoMs idle = group_.options().idle_timeout.count();
  // The backend closes after N s: leave a second for its clock and the way (SEMANTICS section 1).
  if (keep_alive_timeout_ >= 0) idle = std::max<MonoMs>(0, keep_alive_timeout_ * 1000LL - 1000);
  group_.pool().loop().arm(deadline_, now + idle);
}

// Only a body that has shown to be long is read in large pieces, and only while nothing of it waits for its client: so
// what a slow client can have weir hold is a piece, and the memory of a short answer's client is not looked at here.
size_t Connection::on_read_soon() {
  if (handler_ == nullptr) return kUsualRead;
  handler_->on_upstream_read_soon();
  return received_ >= kUsualRead && handler_->is_drained() ? kMostRead : kUsualRead;
}

void Connection::on_read(std::string_view bytes) {
  received_ += bytes.size();
  if (handler_ == nullptr) {  // idle: nobody asked for anything
    group_.pool().unsolicited(address());
    closed_ = true;
    group_.drop(*this);
    return;
  }
  // The handler holds views of the body until its turn is over: what was stashed stays where it is until then.
  std::string whole;
  if (!stash_.empty()) {
    whole.swap(stash_);
    whole.append(bytes);
    bytes = whole;
  }
  const size_t consumed = codec_.feed(bytes, *handler_);
  if (handler_ == nullptr) return;  // a mid-feed flush found the client gone and let go
  if (consumed < bytes.size()) stash_.assign(bytes.substr(consumed));
  if (ended_ && !stash_.empty() && !switched_) {
    surplus_ = true;
    group_.pool().unsolicited(address());
  }
  handler_->on_upstream_turn();
}

void Connection::on_eof() {
  closed_ = true;
  if (handler_ == nullptr) {
    group_.drop(*this);
    return;
  }
  if (!ended_ && codec_.finish(*handler_)) {
    handler_->on_upstream_turn();
    return;
  }
  handler_->on_upstream_closed(0);
}

void Connection::on_transport_error(int code) {
  closed_ = true;
  if (handler_ == nullptr) {
    group_.drop(*this);
    return;
  }
  handler_->on_upstream_closed(code);
}

void Connection::on_sent() {
  if (handler_ != nullptr) handler_->on_upstream_sent();
}

void Connection::on_deadline(Deadline&) {
  if (handler_ == nullptr) group_.drop(*this);  // a leased one is its exchange's business
}

}  // namespace weir::upstream
