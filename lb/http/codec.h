// The seam between bytes and messages. A codec is sans-IO: bytes in, events out; messages in, bytes out. HTTP/1 uses
// stream 1 for every message, one after the other; HTTP/2 will use its own numbers. No codec keeps a reference to
// anything it was given.
#pragma once
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/error.h"
#include "http/head.h"

namespace weir::http {

using StreamId = uint32_t;
inline constexpr StreamId kH1Stream = 1;

// Raw-byte limits, applied while feeding and before anything is allocated.
struct HeadLimits {
  size_t head_bytes = 32 * 1024;  // 431
  size_t line_bytes = 8 * 1024;   // 414 for the request line, 431 for a field
  int fields = 100;               // 431
  bool bare_lf = false;           // whether LF alone ends a line
};

// Of an answer. Its head may be larger than a request's: whoever sends it is the operator's. nginx takes what fits
// proxy_buffer_size.
inline constexpr HeadLimits kAnswerLimits{256 * 1024, 256 * 1024, 1000, true};

// A request that is refused. The status is for the client, the reason for the error log (a static string).
// `request_line` is raw and without CRLF, for the access log: a view of what was fed, valid during the call; empty when
// the line is incomplete.
struct Reject {
  uint16_t status = 400;
  std::string_view reason;
  std::string_view request_line = {};
};

// Where a head is parsed into: both belong to the handler and outlive the stream's last event.
struct HeadStorage {
  Arena* arena;
  RequestHead* request;
};

// Pieces of bytes to be written together. Pieces are views: of an arena, of the read slab, of static text, or of the
// batch's own scratch (chunk heads). Valid until the caller's turn ends; whoever flushes copies what the kernel did not
// take.
class OutBatch {
 public:
  static constexpr int kMost = 60;
  OutBatch() {}  // pieces and scratch stay as they are until they are used: 2.4 KB of stores otherwise
  int size() const { return size_; }
  size_t bytes() const { return bytes_; }
  int room() const { return kMost - size_; }
  const std::string_view* pieces() const { return pieces_; }
  // The caller has looked at room(): a head takes one piece, a chunk two more than its pieces, an end one.
  void add(std::string_view piece) {
    if (piece.empty()) return;
    assert(size_ < kMost);
    pieces_[size_++] = piece;
    bytes_ += piece.size();
  }
  // Copies `text` (at most 24 bytes) into the scratch.
  void add_copy(std::string_view text) {
    char* at = scratch_ + scratch_used_;
    std::memcpy(at, text.data(), text.size());
    scratch_used_ += text.size();
    add({at, text.size()});
  }
  void clear() { size_ = 0, bytes_ = 0, scratch_used_ = 0; }

 private:
  int size_ = 0;
  size_t bytes_ = 0;
  size_t scratch_used_ = 0;
  union {
    std::string_view pieces_[kMost];
  };
  char scratch_[kMost * 24];
};

inline constexpr std::string_view kWebsocket = "websocket";

// What Connection says on the wire of HTTP/1.
enum class ConnectionOption : uint8_t { kNone, kClose, kKeepAlive, kUpgrade };

// The body framing that goes out; the codec writes Content-Length or Transfer-Encoding itself, never a field of the
// list.
struct OutFraming {
  Framing framing = Framing::kNone;
  int64_t length = -1;  // kLength: the length. kNone with length >= 0: declared but no body follows (HEAD, 304).
};

struct OutRequest {
  std::string_view method = {};
  std::string_view target = {};
  Version version = Version::kHttp11;
  OutFraming framing = {};
  ConnectionOption connection = ConnectionOption::kNone;
  std::string_view upgrade = kWebsocket;  // for kUpgrade: the protocol
  const FieldList* fields = nullptr;      // dropped ones are skipped; Host is among them
};

// The body of a response as its maker knows it; how it is framed is the codec's matter.
struct OutBody {
  bool follows = false;  // pieces of it are sent, perhaps none
  int64_t length = -1;   // exact, or -1: known at its end. Where no body follows: declared all the same (HEAD, 304)
};

struct OutResponse {
  int status = 200;
  std::string_view reason = {};  // empty: the standard one
  OutBody body = {};
  std::string_view upgrade = kWebsocket;  // of a 101: the protocol
  const FieldList* fields = nullptr;
};

// What the client was told of a response's end and of its connection.
struct SentFraming {
  Framing framing = Framing::kNone;
  int64_t length = -1;  // as declared
  ConnectionOption connection = ConnectionOption::kClose;
};

// The server side of a client connection.
class ServerCodec {
 public:
  // None of these may destroy the codec or feed it.
  class Handler {
   public:
    // A request's first byte was seen, its head is complete and clean so far: where to put it. Once a stream, first.
    virtual HeadStorage begin_request(StreamId stream) = 0;
    // The head is in the storage. Once a stream.
    virtual void on_request(StreamId stream) = 0;
    // Body bytes, unframed; views of what is being fed. Any number of times.
    virtual void on_body(StreamId stream, std::string_view bytes) = 0;
    // The body is complete. Once, after which the stream is silent.
    virtual void on_request_end(StreamId stream) = 0;
    // Refused; the connection cannot be read any further. Once a connection; begin_request and on_request may or may
    // not have come before (a head with a bad byte is refused before there is storage, a broken chunk comes after
    // on_request). Nothing follows.
    virtual void on_reject(StreamId stream, const Reject& reject) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~ServerCodec() = default;
  // Returns how many bytes were consumed. Fewer than given: a head is incomplete (give the rest again with more behind
  // it), or an HTTP/1 request has ended and the next waits for resume(). After a reject all is swallowed.
  virtual size_t feed(std::string_view bytes, Handler& handler) = 0;
  // HTTP/1: the response is finished, the next request may be read. Called before the request's end, it takes effect
  // there.
  virtual void resume() = 0;
  // Whether a request has begun (any byte of it) and is not complete.
  virtual bool inside_request() const = 0;

  // 1xx other than 101.
  virtual void send_interim(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) = 0;
  virtual void send_head(StreamId stream, const OutResponse& head, Arena& arena, OutBatch& out) = 0;
  // One piece of body; HTTP/1 chunked puts one chunk around all the pieces together.
  virtual void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) = 0;
  // `trailers` may be null. Who cannot be sent any (a body with a length, an HTTP/1.0 client) gets none.
  virtual void send_end(StreamId stream, const FieldList* trailers, Arena& arena, OutBatch& out) = 0;
};

// The client side of an upstream connection.
class ClientCodec {
 public:
  class Handler {
   public:
    // Where the next head (interim or final) goes; `request` of the storage is not used.
    virtual Arena& response_arena(StreamId stream) = 0;
    virtual ResponseHead& response_head(StreamId stream) = 0;
    // 1xx other than 101; at most 8 a response.
    virtual void on_interim(StreamId stream) = 0;
    // The final head, 101 included. After a 101 the codec consumes nothing more, and on_response_end does not come.
    virtual void on_response(StreamId stream) = 0;
    virtual void on_body(StreamId stream, std::string_view bytes) = 0;
    virtual void on_response_end(StreamId stream) = 0;
    // Whether on_trailers() is wanted: the lines of trailers, their ends included and the empty one behind them, as
    // they come and before on_response_end(). Lines may end with LF alone where the limits say so.
    virtual bool keeps_trailers(StreamId /*stream*/) const { return false; }
    virtual void on_trailers(StreamId /*stream*/, std::string_view /*lines*/) {}
    // kInvalidResponse, before or after the head, or kNotHttp. `why` is static. Nothing follows.
    virtual void on_error(StreamId stream, ErrorKind kind, std::string_view why) = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~ClientCodec() = default;
  // How many further streams it takes now. HTTP/1: 1 at first and after each response's end.
  virtual uint32_t capacity() const = 0;
  // Opens a stream for one request of that method and makes ready for its response. `upgrade` is the protocol that the
  // request asks for, empty: none; it and the limits of the response outlive the response. The id is the codec's own
  // and says nothing of the client's stream; never 0. Only while there is capacity.
  virtual StreamId open(Method method, std::string_view upgrade, const HeadLimits& limits) = 0;
  // Nobody waits for that stream's response any more: no event of it comes. May be called inside one. HTTP/1: nothing
  // else can follow on the connection.
  virtual void cancel(StreamId stream) = 0;
  // As ServerCodec::feed. Bytes beyond the last response's end are not consumed: the caller counts them as unsolicited.
  virtual size_t feed(std::string_view bytes, Handler& handler) = 0;
  // The peer closed its side: ends a close-delimited body (true; also when no response is under way), else the response
  // is truncated (false; on_error does not come).
  virtual bool finish(Handler& handler) = 0;

  virtual void send_head(StreamId stream, const OutRequest& head, Arena& arena, OutBatch& out) = 0;
  virtual void send_body(StreamId stream, const std::string_view* pieces, int count, OutBatch& out) = 0;
  virtual void send_end(StreamId stream, OutBatch& out) = 0;
};

}  // namespace weir::http
