// The transport over a TCP or unix socket. Private to io/; others use transport.h.
#pragma once
#include <uv.h>

#include <memory>
#include <new>

#include "io/stream_side.h"
#include "io/transport.h"
#include "io/uv_box.h"

namespace weir::io {

enum class StreamKind : uint8_t { kTcp, kUnix };

// Its owner's object and libuv's box (DESIGN section 4) in one, as an idle connection is mostly this and every event
// goes through it. So the owner's delete closes it, and the memory goes once libuv has let go of it too.
class StreamTransport final : public Transport, public UvBox {
 public:
  // Takes `fd` (closed on failure); null when libuv refuses it.
  static std::unique_ptr<StreamTransport> adopt(Loop& loop, int fd, StreamKind kind);
  ~StreamTransport() override;
  // What a delete expression calls, instead of the destructor: close().
  static void operator delete(StreamTransport* self, std::destroying_delete_t);

  static StreamTransport& of(const uv_stream_t* stream) {
    return *static_cast<StreamTransport*>(static_cast<UvBox*>(stream->data));
  }

  // Before anything else. 0, or a negative errno and no call of `watcher`. `watcher` may go once the transport is
  // closed.
  int start_connect(const SocketAddress& address, ConnectWatcher* watcher);

  void set_handler(TransportHandler* handler) override { handler_ = handler; }
  void want_read(bool want) override;
  int send(const std::string_view* pieces, int count, size_t* accepted) override;
  bool sends_files() const override { return true; }
  int send_file(const std::string_view* pieces, int count, const FilePart& file, size_t* taken) override;
  size_t queued() const override;
  uint64_t bytes_sent() const override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  bool closed() const override { return !open_; }
  bool input_waits() const override;
  SocketAddress peer_address() const override;
  SocketAddress local_address() const override;
  std::string peer_process() const override;
  std::optional<TcpInfo> tcp_info() const override;

  // libuv's callbacks. Each may have the owner destroy it; the memory stays.
  void abandon() override;
  void destroy() override;
  bool open() const { return open_; }
  // Whether the socket was ended (UV_EOF) or reset (a negative errno).
  int end_of_reading() const;
  size_t read_soon() { return handler_ != nullptr ? handler_->on_read_soon() : TransportHandler::kUsualRead; }
  void read_done(ssize_t n, const char* base);
  void write_done(int status);
  void connect_done(int status);

 private:
  // On the stack of one send: 1 KB, and more pieces than a head and its body prefix ever have.
  static constexpr int kMostPieces = 64;
  // A head and a short body: to copy so much costs less than a second buffer does in the kernel.
  static constexpr size_t kJoined = 1024;
  // libuv keeps up to four buffers inside the request and allocates for more.
  static constexpr int kPiecesPerWrite = 4;

  StreamTransport() : pipe_{} {}
  void free();
  int send(const std::string_view* pieces, int count, size_t* accepted, int flags);
  int write_now(const std::string_view* pieces, int count, size_t* taken, int flags);
  void enqueue(const std::string_view* pieces, int count, size_t skip);
  int start_write();
  void drop_queue(int code);
  bool bytes_wait() const;
  void fail(int code);
  void send_fin();

  TransportHandler* handler_ = nullptr;
  StreamSide* side_ = nullptr;  // only while connecting or while something is queued
  uint64_t sent_ = 0;
  int fd_ = -1;             // libuv's, as long as open_
  int16_t send_error_ = 0;  // a negative errno: why nothing can be sent any more
  bool open_ : 1 = true;
  bool owned_ : 1 = false;  // by whom adopt() gave it to
  bool held_by_libuv_ : 1 = true;
  bool reading_ : 1 = false;
  bool eof_ : 1 = false;
  bool failed_ : 1 = false;  // on_transport_error has been called
  bool fin_wanted_ : 1 = false;
  union {
    uv_handle_t handle_;
    uv_stream_t stream_;
    uv_tcp_t tcp_;
    uv_pipe_t pipe_;
  };
};

}  // namespace weir::io
