#include "upstream/connection.h"

#include <algorithm>
#include <cassert>

#include "upstream/pool.h"

namespace weir::upstream {

Connection::Connection(Slot& slot, std::unique_ptr<io::Transport> transport, http::ClientCodec& codec)
    : slot_(slot),
      codec_(codec),
      transport_(std::move(transport)),
      deadline_(this),
      created_(slot.group.pool().loop().now()) {
  transport_->set_handler(this);
  transport_->want_read(true);
  slot_.group.pool().count(+1);
}

Connection::~Connection() = default;

void Connection::retire() {
  closed_ = true;
  deadline_.cancel();
  transport_->close();
  slot_.group.pool().count(-1);
}

http::StreamId Connection::open_stream(LeaseHandler& handler, http::Method method, std::string_view upgrade,
                                       const http::HeadLimits& limits) {
  assert(reserved_ > 0);
  --reserved_;
  ++requests_;
  Stream* fresh = &first_;
  if (first_.handler != nullptr) {
    if (others_ == nullptr) others_ = std::make_unique<std::vector<Stream>>();
    fresh = &others_->emplace_back();
  }
  *fresh = Stream{};
  fresh->handler = &handler;
  fresh->sent_before = transport_->bytes_sent();
  return fresh->id = codec_.open(method, upgrade, limits);
}

void Connection::end_lease(http::StreamId id) {
  if (id == 0) {
    --reserved_;
  } else {
    end_stream(id);
  }
  --leases_;
  slot_.group.lease_ended(*this);
}

void Connection::end_stream(http::StreamId id) {
  Stream& ending = stream(id);
  if (!closed_ && !switched_ && !(ending.request_ended && ending.response_ended)) codec_.cancel(id);
  if (&ending == &first_) {
    first_.handler = nullptr;
    first_.id = 0;
    return;
  }
  others_->erase(others_->begin() + (&ending - others_->data()));
}

const Connection::Stream& Connection::other_stream(http::StreamId id) const {
  const auto at = std::find_if(others_->begin(), others_->end(), [id](const Stream& s) { return s.id == id; });
  assert(at != others_->end());
  return *at;
}

// For each stream that is open now; in `fn` any of them may end and others begin.
template <class Fn>
void Connection::each_stream(Fn&& fn) {
  if (only_first()) {
    if (first_.handler != nullptr) fn(first_);
    return;
  }
  std::vector<http::StreamId> ids;
  if (first_.handler != nullptr) ids.push_back(first_.id);
  for (const Stream& each : *others_) ids.push_back(each.id);
  for (const http::StreamId id : ids) {
    if (first_.id == id) {
      fn(first_);
      continue;
    }
    const auto at = std::find_if(others_->begin(), others_->end(), [id](const Stream& s) { return s.id == id; });
    if (at != others_->end()) fn(*at);
  }
}

// --- the request ----------------------------------------------------------------------------------------------------

void Connection::send_head(http::StreamId id, const http::OutRequest& head, Arena& arena, http::OutBatch& out) {
  if (head.connection == http::ConnectionOption::kClose) close_asked_ = true;
  codec_.send_head(id, head, arena, out);
}

void Connection::send_end(http::StreamId id, http::OutBatch& out) {
  codec_.send_end(id, out);
  stream(id).request_ended = true;
}

int Connection::send(const http::OutBatch& out) {
  const int rc = transport_->send(out.pieces(), out.size());
  if (rc < 0) close_asked_ = true;  // nothing follows on it, though an answer may still come
  return rc;
}

std::unique_ptr<io::Transport> Connection::give_up() {
  closed_ = true;
  first_.handler = nullptr;
  deadline_.cancel();
  std::unique_ptr<io::Transport> transport = std::move(transport_);
  transport->set_handler(nullptr);
  slot_.group.release(*this);
  return transport;
}

// --- after it -------------------------------------------------------------------------------------------------------

bool Connection::reusable(MonoMs now) const {
  if (capacity() == 0 || switched_) return false;  // closed, spoke unasked, or something was still to come or to go
  if (!stash_.empty()) return false;               // bytes beyond the response
  if (transport_->queued() != 0) return false;
  if (!keep_alive_ || close_asked_) return false;
  const PoolOptions& options = slot_.group.options();
  if (options.max_idle == 0 || slot_.names == 0 || slot_.group.pool().draining()) return false;
  if (options.max_requests != 0 && requests_ >= options.max_requests) return false;
  return now - created_ < options.max_age.count();
}

void Connection::idle_since(MonoMs now) {
  const PoolOptions& options = slot_.group.options();
  MonoMs idle = options.idle_timeout.count();
  // The backend closes after N s: leave a second for its clock and the way (SEMANTICS section 1).
  if (keep_alive_timeout_ >= 0) {
    const MonoMs announced = std::max<MonoMs>(0, keep_alive_timeout_ * 1000LL - 1000);
    idle = options.idle_timeout_set ? std::min(idle, announced) : announced;
  }
  idle_at_ = now;
  transport_->want_read(true);
  slot_.group.pool().loop().arm(deadline_, now + idle);
}

void Connection::unsolicited() {
  surplus_ = true;
  slot_.group.withdraw(*this);
  slot_.group.pool().unsolicited(slot_);
}

// --- bytes of the peer ----------------------------------------------------------------------------------------------

void Connection::on_interim(http::StreamId id) {
  Stream& of = stream(id);
  of.touched = true;
  of.handler->on_interim(id);
}

void Connection::on_response(http::StreamId id) {
  Stream& of = stream(id);
  of.touched = true;
  const http::ResponseHead& head = of.handler->response_head(id);
  if (!only_first()) of.received += head.head_bytes;
  keep_alive_ = head.keep_alive;
  keep_alive_timeout_ = head.keep_alive_timeout;
  if (head.status == 101) switched_ = true;
  of.handler->on_response(id);
}

void Connection::on_body(http::StreamId id, std::string_view bytes) {
  Stream& of = stream(id);
  of.touched = true;
  if (!only_first()) of.received += bytes.size();
  of.handler->on_body(id, bytes);
}

void Connection::on_response_end(http::StreamId id) {
  Stream& of = stream(id);
  of.touched = true;
  of.response_ended = true;
  of.handler->on_response_end(id);
}

void Connection::on_error(http::StreamId id, ErrorKind kind, std::string_view why) {
  Stream& of = stream(id);
  of.touched = true;
  of.handler->on_error(id, kind, why);
}

bool Connection::awaits_response() const {
  if (first_.handler != nullptr && !first_.response_ended) return true;
  return !only_first() &&
         std::any_of(others_->begin(), others_->end(), [](const Stream& s) { return !s.response_ended; });
}

// Only a body that has shown to be long is read in large pieces, and only while nothing of it waits for its client;
// else in what is left of the memory that it may take. The memory of a short answer's client is not looked at here.
size_t Connection::on_read_soon() {
  if (first_.handler == nullptr || !only_first()) return kUsualRead;
  first_.handler->on_upstream_read_soon();
  return first_.received >= kUsualRead ? std::min(first_.handler->read_room(), kMostRead) : kUsualRead;
}

void Connection::on_read(std::string_view bytes) {
  if (only_first()) {
    first_.received += bytes.size();
    first_.touched = true;
  }
  // Handlers hold views of the body until their turn is over: what was stashed stays where it is until then.
  std::string whole;
  if (!stash_.empty()) {
    whole.swap(stash_);
    whole.append(bytes);
    bytes = whole;
  }
  const size_t consumed = codec_.feed(bytes, *this);
  if (closed_) return;  // a lease ended in the middle, and the pool let go
  if (consumed < bytes.size()) {
    if (!awaits_response() && !switched_) {  // idle, or behind the response: nobody asked for it
      unsolicited();
      if (idle()) {
        slot_.group.drop(*this);
        return;
      }
    }
    // A head that trickles grows where it is: copied anew for each read it would cost the square of its length.
    if (consumed == 0 && !whole.empty())
      stash_.swap(whole);
    else
      stash_.assign(bytes.substr(consumed));
  }
  turn();
}

void Connection::turn() {
  each_stream([](Stream& each) {
    if (std::exchange(each.touched, false)) each.handler->on_upstream_turn();
  });
}

void Connection::on_eof() {
  closed_ = true;
  if (idle()) {
    slot_.group.drop(*this);
    return;
  }
  slot_.group.withdraw(*this);
  if (awaits_response() && codec_.finish(*this)) {
    turn();
    return;
  }
  each_stream([](Stream& each) { each.handler->on_upstream_closed(0); });
}

void Connection::on_transport_error(int code) {
  closed_ = true;
  if (idle()) {
    slot_.group.drop(*this);
    return;
  }
  slot_.group.withdraw(*this);
  each_stream([code](Stream& each) { each.handler->on_upstream_closed(code); });
}

void Connection::on_sent() {
  each_stream([](Stream& each) { each.handler->on_upstream_sent(); });
}

void Connection::on_deadline(Deadline&) {
  if (idle()) slot_.group.drop(*this);  // a leased one is its exchange's business
}

}  // namespace weir::upstream
