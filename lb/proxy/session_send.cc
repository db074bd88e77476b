// The messages of an exchange as HTTP/1.1 frames them.
#include <algorithm>

#include "proxy/core.h"
#include "proxy/session.h"

namespace weir::proxy {
namespace {

// Of a body in one write: a head, a chunk's frame and an end stand beside them.
constexpr int kMostPieces = http::OutBatch::kMost - 6;

}  // namespace

http::SentFraming Session::framing(int status, const http::OutBody& body) {
  if (const http::SentFraming* decided = busy_->codec.framed()) return *decided;
  const Location& location = busy_->exchange->location();
  const int64_t age_ms = core_.loop().now() - info_.started_us / 1000;
  const bool may_stay = !core_.draining() && location.keepalive_timeout.count() > 0 &&
                        requests_ < location.keepalive_requests && age_ms < location.keepalive_time.count() &&
                        !busy_->exchange->is_tls_refused();
  const http::SentFraming& framed = busy_->codec.frame(status, body, may_stay);
  if (framed.connection == http::ConnectionOption::kClose) busy_->farewell.emplace(location);
  return framed;
}

Sent Session::send(const Message& message) {
  http::OutBatch batch;
  http::H1ServerCodec& codec = busy_->codec;
  Arena& arena = core_.scratch();
  if (const http::OutResponse* head = message.head) {
    if (head->status < 200 && head->status != 101) {
      codec.send_interim(http::kH1Stream, *head, arena, batch);
    } else {
      framing(head->status, head->body);
      codec.send_head(http::kH1Stream, *head, arena, batch);
    }
  }
  Sent sent;
  const std::string_view* piece = message.pieces;
  for (int left = message.count; left > 0;) {
    const int count = std::min(left, kMostPieces);
    codec.send_body(http::kH1Stream, piece, count, batch);
    piece += count;
    left -= count;
    if (left == 0) break;
    sent.bytes += batch.bytes();
    if ((sent.error = transmit(batch)) < 0) return sent;
    batch.clear();
  }
  if (message.end) codec.send_end(http::kH1Stream, message.trailers, arena, batch);
  if (batch.size() == 0) return sent;
  sent.bytes += batch.bytes();
  sent.error = transmit(batch);
  return sent;
}

Sent Session::send_file(const http::OutResponse* head, const io::FilePart& file, size_t* taken) {
  http::OutBatch batch;
  if (head != nullptr) {
    framing(head->status, head->body);
    busy_->codec.send_head(http::kH1Stream, *head, core_.scratch(), batch);
  }
  const bool was_empty = transport_->queued() == 0;
  Sent sent;
  sent.error = transport_->send_file(batch.pieces(), batch.size(), file, taken);
  sent.bytes = batch.bytes() + *taken;
  if (sent.error == 0) note_queued(was_empty);
  return sent;
}

int Session::transmit(const http::OutBatch& batch) {
  const bool was_empty = transport_->queued() == 0;
  const int rc = transport_->send(batch.pieces(), batch.size());
  if (rc == 0) note_queued(was_empty);
  return rc;
}

void Session::note_queued(bool was_empty) {
  if (!was_empty || transport_->queued() == 0) return;
  sent_at_ = core_.loop().now();
  update_deadline();
}

}  // namespace weir::proxy
