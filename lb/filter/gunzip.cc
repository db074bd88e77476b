// Answers of peers, decoded.
#include "filter/gunzip.h"

#include <utility>

#include "base/bytes.h"
#include "filter/gzip_decoder.h"

namespace weir::filter {
namespace {

// What may come of one step: a megabyte of zeros is a kilobyte of gzip, and other clients wait meanwhile.
constexpr size_t kStep = 64 * 1024;

class Decoding final : public State {
 public:
  explicit Decoding(Context& context) : decoder_(GzipDecoder::make(context.encoders->counted())) {}

  Verdict decode(const Piece& piece, Sink& sink) {
    if (decoder_ == nullptr) return Verdict::kFail;
    std::string_view rest = piece.bytes.substr(taken_);  // the same piece again, or a longer one
    const GzipDecoder::Result result = decoder_->decode(rest, kStep, sink);
    if (result == GzipDecoder::Result::kBroken) return Verdict::kFail;
    if (result == GzipDecoder::Result::kMore) {
      taken_ = piece.bytes.size() - rest.size();
      return Verdict::kMore;
    }
    taken_ = 0;
    if (!piece.end) return Verdict::kContinue;
    const bool is_whole = decoder_->is_whole();
    decoder_.reset();
    return is_whole ? Verdict::kContinue : Verdict::kFail;  // cut off: the client is to see that
  }

 private:
  std::unique_ptr<GzipDecoder> decoder_;
  size_t taken_ = 0;  // of the piece that is not done with
};

class Gunzip final : public Filter {
 public:
  explicit Gunzip(CompressOptions clients) : clients_(std::move(clients)) {}

  Order order() const override { return Order::kGunzip; }
  Verdict on_response(Context& context, http::ResponseHead& head) const override {
    context.forget();
    if (!is_decodable(head)) return Verdict::kContinue;
    if (clients_.vary) vary_by_accept_encoding(head.fields);
    if (!changes_body(context, head)) return Verdict::kContinue;
    const bool has_body = head.framing != http::Framing::kNone;
    if (has_body && !context.encoders->has_room()) {
      context.status = 503;
      context.retry_after = 1;
      return Verdict::kAnswer;
    }
    head.fields.drop(http::HeaderToken::kContentEncoding);
    mark_transformed(head.fields, context.arena);
    drop_length(head);
    head.content_length = -1;
    if (has_body) context.state<Decoding>(context);
    return Verdict::kContinue;
  }
  bool changes_body(Context& context, const http::ResponseHead& head) const override {
    if (!is_decodable(head)) return false;
    return context.nested || !takes_gzip(clients_, *context.request, head.fields, context.wall_us);
  }
  bool takes_response_body(const State* state) const override { return state != nullptr; }
  Verdict on_response_body(Context& context, const Piece& piece, Sink& sink) const override {
    return static_cast<Decoding*>(context.slot)->decode(piece, sink);
  }

 private:
  static bool is_decodable(const http::ResponseHead& head) {
    const http::Field* coding = head.fields.find(http::HeaderToken::kContentEncoding);
    // A part of a coded body cannot be decoded.
    return coding != nullptr && iequals(coding->value, "gzip") && head.status != 206;
  }

  CompressOptions clients_;
};

}  // namespace

std::shared_ptr<const Filter> make_gunzip(CompressOptions clients) {
  return std::make_shared<Gunzip>(std::move(clients));
}

}  // namespace weir::filter
