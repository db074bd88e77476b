// A filter for the simulation: it holds bodies back, lets them grow, suspends the exchange and now and then fails.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "filter/filter.h"
#include "sim/actors.h"

namespace weir::sim {

// `later` is called with the way on of a suspended exchange. `live`: states that are not destroyed yet.
class Churn final : public filter::Filter {
 public:
  using Later = std::function<void(filter::Resume)>;
  Churn(Play& play, Later later, int& live) : play_(play), later_(std::move(later)), live_(live) {}

  filter::Verdict on_request(filter::Context& context, http::RequestHead& head) const override {
    if (play_.chance(20)) return suspend(context);
    filter::drop_length(head);
    return filter::Verdict::kContinue;
  }
  filter::Verdict on_response(filter::Context& context, http::ResponseHead& head) const override {
    if (play_.chance(20)) return suspend(context);
    filter::drop_length(head);
    return filter::Verdict::kContinue;
  }
  bool takes_request_body(const filter::State*) const override { return true; }
  bool takes_response_body(const filter::State*) const override { return true; }
  filter::Verdict on_request_body(filter::Context& context, const filter::Piece& piece,
                                  filter::Sink& sink) const override {
    return churn(context, piece, sink, context.state<Bodies>(context.chunks, live_).request);
  }
  filter::Verdict on_response_body(filter::Context& context, const filter::Piece& piece,
                                   filter::Sink& sink) const override {
    if (play_.chance(10)) return filter::Verdict::kMore;
    return churn(context, piece, sink, context.state<Bodies>(context.chunks, live_).response);
  }

 private:
  static constexpr size_t kPeriod = 8;  // of body_of("id......")

  struct Body {
    explicit Body(ChunkPool& chunks) : kept(chunks) {}
    Chain kept;
    std::string begin;  // the first period
    size_t total = 0;
    bool ended = false;
  };
  struct Bodies final : filter::State {
    Bodies(ChunkPool& chunks, int& of) : request(chunks), response(chunks), live(of) { ++live; }
    ~Bodies() override { --live; }
    Body request, response;
    int& live;
  };

  filter::Verdict suspend(filter::Context& context) const {
    later_(context.resume);
    return filter::Verdict::kSuspend;
  }
  filter::Verdict churn(filter::Context& context, const filter::Piece& piece, filter::Sink& sink, Body& body) const {
    if (body.ended) play_.fail("a filter was called behind the end");
    if (play_.chance(15)) return suspend(context);
    if (play_.chance(2)) return filter::Verdict::kFail;
    body.ended = piece.end;
    body.total += piece.bytes.size();
    body.begin += piece.bytes.substr(0, kPeriod - std::min(kPeriod, body.begin.size()));
    body.kept.append(piece.bytes);
    if (!piece.end && play_.chance(50)) return filter::Verdict::kContinue;
    body.kept.for_each_piece(INT32_MAX, [&](std::string_view bytes) { sink.write(bytes); });
    body.kept.clear();
    if (!piece.end || body.begin.size() < kPeriod) return filter::Verdict::kContinue;
    std::string more = body.begin + body.begin;  // the body goes on as it was
    sink.write(std::string_view(more).substr(body.total % kPeriod, 1 + play_.below(kPeriod)));
    return filter::Verdict::kContinue;
  }

  Play& play_;
  Later later_;
  int& live_;
};

}  // namespace weir::sim
