// The transport over a TCP or unix socket, and the box that libuv holds for it. Private to io/; others use transport.h.
#pragma once
#include <uv.h>

#include <memory>

#include "io/stream_side.h"
#include "io/transport.h"
#include "io/uv_box.h"

namespace weir::io {

class StreamTransport;

enum class StreamKind : uint8_t { kTcp, kUnix };

struct StreamBox final : UvBox {
  StreamBox() : pipe{} {}
  ~StreamBox() override;
  void abandon() override;
  static StreamBox& of(const uv_stream_t* stream) { return *static_cast<StreamBox*>(stream->data); }

  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };
  StreamTransport* owner = nullptr;
  StreamSide* side = nullptr;  // only while connecting or while something is queued
};

class StreamTransport final : public Transport {
 public:
  // Takes `fd` (closed on failure); null when libuv refuses it.
  static std::unique_ptr<StreamTransport> adopt(Loop& loop, int fd, StreamKind kind);
  ~StreamTransport() override;

  // Before anything else. 0, or a negative errno and no call of `watcher`. `watcher` may go once the transport is
  // closed.
  int start_connect(const SocketAddress& address, ConnectWatcher* watcher);

  void set_handler(TransportHandler* handler) override { handler_ = handler; }
  void want_read(bool want) override;
  int send(const std::string_view* pieces, int count, size_t* accepted) override;
  size_t queued() const override;
  uint64_t bytes_sent() const override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  bool closed() const override { return box_ == nullptr; }
  bool input_waits() const override;
  SocketAddress peer_address() const override;
  SocketAddress local_address() const override;

  // libuv's callbacks, once they have found the owner. Each may destroy it.
  // Whether the socket was ended (UV_EOF) or reset (a negative errno).
  int end_of_reading() const;
  void read_soon() {
    if (handler_ != nullptr) handler_->on_read_soon();
  }
  void read_done(ssize_t n, const char* base);
  void write_done(int status);
  void box_lost();

 private:
  // On the stack of one send: 1 KB, and more pieces than a head and its body prefix ever have.
  static constexpr int kMostPieces = 64;
  // libuv keeps up to four buffers inside the request and allocates for more.
  static constexpr int kPiecesPerWrite = 4;

  explicit StreamTransport(StreamBox* box) : box_(box) {}
  int fd() const;
  int write_now(const std::string_view* pieces, int count, size_t* taken);
  void enqueue(const std::string_view* pieces, int count, size_t skip);
  int start_write();
  void drop_queue(int code);
  bool bytes_wait() const;
  void fail(int code);
  void send_fin();

  StreamBox* box_;
  TransportHandler* handler_ = nullptr;
  uint64_t sent_ = 0;
  int send_error_ = 0;  // why nothing can be sent any more
  bool reading_ = false;
  bool eof_ = false;
  bool failed_ = false;  // on_transport_error has been called
  bool fin_wanted_ = false;
};

}  // namespace weir::io
