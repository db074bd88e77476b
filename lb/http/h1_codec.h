// HTTP/1.1 (RFC 9112) both ways. llhttp only tokenizes a head that the pre-scan has found clean; framing, chunks and limits are ours.
#pragma once
#include "http/chunked.h"
#include "http/codec.h"

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
  void send_interim(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) override;
  void send_head(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) override;
  void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) override;
  void send_end(StreamId stream, OutBatch& out) override;

 private:
  enum class State : uint8_t { kHead, kLength, kChunked, kEnded, kFailed };
  size_t feed_head(std::string_view bytes, Handler& handler);
  void reject(Handler& handler, const Reject& reject);

  const HeadLimits* limits_;
  State state_ = State::kHead;
  bool out_chunked_ = false;
  size_t scanned_ = 0;  // bytes of an incomplete head already searched for its end
  int64_t left_ = 0;    // of a kLength body
  ChunkedDecoder chunked_;
};

class H1ClientCodec final : public ClientCodec {
 public:
  void expect(StreamId stream, Method method, bool websocket) override;
  size_t feed(std::string_view bytes, Handler& handler) override;
  bool finish(Handler& handler) override;
  void send_head(StreamId stream, const OutRequest& head, Arena& arena, OutBatch& out) override;
  void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) override;
  void send_end(StreamId stream, OutBatch& out) override;

 private:
  enum class State : uint8_t { kIdle, kHead, kLength, kChunked, kClose, kEnded, kFailed };
  size_t feed_head(std::string_view bytes, Handler& handler);
  void fail(Handler& handler, std::string_view why);

  State state_ = State::kIdle;
  Method method_ = Method::kGet;
  bool websocket_ = false;
  bool out_chunked_ = false;
  int interims_ = 0;
  size_t scanned_ = 0;
  int64_t left_ = 0;
  ChunkedDecoder chunked_;
};

}  // namespace weir::http
