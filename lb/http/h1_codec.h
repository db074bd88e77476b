// HTTP/1.1 (RFC 9112) both ways. llhttp only tokenizes a head that the pre-scan has found clean; framing, chunks and
// limits are ours.
#pragma once
#include "http/body_decoder.h"
#include "http/codec.h"
#include "http/prescan.h"

namespace weir::http {

class H1ServerCodec final : public ServerCodec {
 public:
  // `limits` outlives the codec (it is the listener's default server's).
  explicit H1ServerCodec(const HeadLimits& limits) : limits_(&limits) {}
  // As new, for the next connection (a worker lends one codec after another).
  void reset(const HeadLimits& limits);

  size_t feed(std::string_view bytes, Handler& handler) override;
  void resume() override;
  bool inside_request() const override;
  // How the response to the request at hand is framed, and whether the connection outlives it: chunks where the length
  // is not known, the connection's end where the client knows no chunks either. Decided once a request, by the first
  // call; send_head() makes it where nobody did. `may_stay`: the server lets the connection live on, if the client and
  // the framing do.
  const SentFraming& frame(int status, const OutBody& body, bool may_stay = true);
  // What frame() said; null before.
  const SentFraming* framed() const { return framed_ ? &framing_ : nullptr; }
  // The response leaves the connection to a next request.
  bool keeps_alive() const {
    return framed_ &&
           (framing_.connection == ConnectionOption::kNone || framing_.connection == ConnectionOption::kKeepAlive);
  }
  void send_interim(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) override;
  void send_head(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) override;
  void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) override;
  void send_end(StreamId stream, const FieldList* trailers, Arena& arena, OutBatch& out) override;

 private:
  enum class State : uint8_t { kHead, kBody, kEnded, kFailed };
  size_t feed_head(std::string_view bytes, Handler& handler);
  size_t feed_body(std::string_view bytes, Handler& handler);
  void accept_head(std::string_view raw, Handler& handler);
  void end_request(Handler& handler);
  void reject(Handler& handler, const Reject& reject);

  const HeadLimits* limits_;
  State state_ = State::kHead;
  bool resumed_ = false;     // resume() came before the request's end
  bool begun_ = false;       // a byte of the head that is awaited was seen
  uint8_t empty_lines_ = 0;  // skipped before the request line
  // Of the request at hand.
  Version version_ = Version::kHttp11;
  bool keep_alive_ = false;  // what the client asked for
  bool framed_ = false;      // framing_ is decided
  SentFraming framing_;
  Prescan prescan_{Prescan::Kind::kRequest};
  BodyDecoder body_;
};

class H1ClientCodec final : public ClientCodec {
 public:
  static constexpr size_t kMostInterimBytes = 64 * 1024;  // of a response's 1xx heads together

  uint32_t capacity() const override { return state_ == State::kIdle || state_ == State::kEnded ? 1 : 0; }
  StreamId open(Method method, std::string_view upgrade, const HeadLimits& limits) override;
  void cancel(StreamId) override { state_ = State::kFailed; }
  size_t feed(std::string_view bytes, Handler& handler) override;
  bool finish(Handler& handler) override;
  void send_head(StreamId stream, const OutRequest& head, Arena& arena, OutBatch& out) override;
  void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) override;
  void send_end(StreamId stream, OutBatch& out) override;

 private:
  enum class State : uint8_t { kIdle, kHead, kBody, kEnded, kSwitched, kFailed };
  size_t feed_head(std::string_view bytes, Handler& handler);
  size_t feed_body(std::string_view bytes, Handler& handler);
  void accept_head(std::string_view raw, Handler& handler);
  void end_response(Handler& handler);
  void fail(Handler& handler, std::string_view why, ErrorKind kind = ErrorKind::kInvalidResponse);

  const HeadLimits* limits_ = nullptr;  // from open() on
  State state_ = State::kIdle;
  Method method_ = Method::kGet;
  std::string_view upgrade_;  // the protocol asked for; empty: none
  bool out_chunked_ = false;
  size_t interim_bytes_ = 0;
  Prescan prescan_{Prescan::Kind::kResponse};
  BodyDecoder body_;
};

}  // namespace weir::http
