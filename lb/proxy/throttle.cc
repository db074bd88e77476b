#include "proxy/throttle.h"

#include <algorithm>

#include "base/bytes.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

// A size as in the configuration ("512", "8k", "1m"); anything else is no limit.
uint64_t rate_in(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    const char unit = to_lower(text.back());
    shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    if (shift != 0) text.remove_suffix(1);
  }
  const auto number = parse_decimal(text);
  if (!number || *number > (INT64_MAX >> shift)) return 0;
  return static_cast<uint64_t>(*number) << shift;
}

}  // namespace

uint64_t Throttle::allowed(MonoMs now) const {
  const auto earned = static_cast<unsigned __int128>(rate_.bytes) * static_cast<uint64_t>(now - began_ + kStep) / 1000;
  const auto budget = earned + rate_.after;
  return budget > sent_ ? static_cast<uint64_t>(std::min<unsigned __int128>(budget - sent_, UINT64_MAX)) : 0;
}

MonoMs Throttle::due(MonoMs now) const {
  const uint64_t step = std::clamp<uint64_t>(rate_.bytes * kStep / 1000, 1, std::max<size_t>(held_.size(), 1));
  const uint64_t wanted = sent_ + step;
  if (wanted <= rate_.after) return now + 1;
  const auto at = static_cast<unsigned __int128>(wanted - rate_.after) * 1000 / rate_.bytes;
  return std::max(now + 1, began_ + static_cast<MonoMs>(at) - kStep + 1);
}

void Throttle::on_deadline(Deadline&) {
  x_.throttle_due();
}

uint64_t Exchange::rate_of(const RateSetting& setting) {
  return setting.text ? rate_in(setting.text->render(*this, arena_)) : setting.bytes;
}

// Of the answer whose head goes out now.
void Exchange::begin_throttle() {
  const uint64_t rate = asked_rate_.empty() ? rate_of(location_->limit_rate) : rate_in(asked_rate_);
  if (rate == 0 || rate > Throttle::kMostRate || nested_ != 0) return;
  throttle_ = std::make_unique<Throttle>(*this, Throttle::Rate{rate, rate_of(location_->limit_rate_after)}, now(),
                                         core_.loop().chunks());
}

// Holds the pieces, and sends what may go.
void Exchange::send_throttled(const Message& message) {
  for (int i = 0; i < message.count; ++i) throttle_->held().append(message.pieces[i]);
  throttle_->ended = throttle_->ended || message.end;
  const http::OutResponse* head = message.head;
  Chain& held = throttle_->held();
  uint64_t left = std::min<uint64_t>({throttle_->allowed(now()), held.size(), downstream_->room()});
  for (;;) {
    std::string_view pieces[Relay::kMost];
    size_t bytes = 0;
    int count = 0;
    held.for_each_piece(Relay::kMost, [&](std::string_view piece) {
      piece = piece.substr(0, left - bytes);
      if (piece.empty()) return;
      bytes += piece.size();
      pieces[count++] = piece;
    });
    const bool end = throttle_->ended && bytes == held.size() && responder_.state != ResponseState::kEnded;
    if (head == nullptr && bytes == 0 && !end) break;
    const uint64_t before = record_.bytes_sent;
    send_now({.head = head, .pieces = pieces, .count = count, .end = end});
    head = nullptr;
    held.consume(bytes);
    throttle_->note_sent(record_.bytes_sent - before);  // the head counts too, as with nginx
    left -= bytes;
    if (end || responder_.client_error != 0) return;
  }
  if (held.empty()) return;
  // A client that takes nothing is looked at again a step later.
  arm(throttle_->deadline(), downstream_->room() == 0 ? now() + Throttle::kStep : throttle_->due(now()));
}

void Exchange::throttle_due() {
  send_throttled({});
  if (responder_.client_error == 0 && filters_wait_for_client_ && run_waiting_filters()) return;
  after_send();
}

}  // namespace weir::proxy
