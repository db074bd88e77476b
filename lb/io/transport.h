// A connected byte stream: TCP, a unix socket, later TLS over either. The Transport is the owner's object; what libuv
// holds is a box inside (DESIGN section 4) that outlives it until its close callback.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/chunk.h"
#include "base/error.h"
#include "base/sockaddr.h"
#include "io/loop.h"

namespace weir::io {

class TransportHandler {
 public:
  static constexpr size_t kUsualRead = 64 * 1024;
  static constexpr size_t kMostRead = Loop::kSlabBytes;

  // A read of the socket follows, and then most likely on_read: time to have the memory fetched that it will touch.
  // Nothing else may be done here. Returns how many bytes the read may take, up to kMostRead: each piece of a large
  // body wakes the processes at both ends, but what a read has taken is to be held if it cannot be passed on.
  virtual size_t on_read_soon() { return kUsualRead; }
  // In each of these any method of the transport may be called, close() and destruction included. After close() none is
  // called. Bytes in the loop's slab: valid during the call only. Any number of times while reading is wanted.
  virtual void on_read(std::string_view bytes) = 0;
  // The other side sent FIN. At most once; no on_read after it.
  virtual void on_eof() = 0;
  // Reset, or a queued write failed. At most once, and nothing after it. `code` is a negative errno. Where a queued
  // write failed while reading is wanted, what the peer had sent before comes first.
  virtual void on_transport_error(int code) = 0;
  // Some queued bytes were handed to the kernel; queued() says what is left. Never called from inside send().
  virtual void on_sent() = 0;

 protected:
  ~TransportHandler() = default;
};

// What the kernel knows of a TCP connection: times in microseconds, a window in segments, room in bytes.
struct TcpInfo {
  uint32_t rtt = 0, rttvar = 0;
  uint32_t snd_cwnd = 0;
  uint32_t rcv_space = 0;
};

// A part of a file that goes out without being read here.
struct FilePart {
  int fd = -1;
  int64_t offset = 0;
  size_t size = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;                           // as close()
  virtual void set_handler(TransportHandler* handler) = 0;  // null: events are dropped

  // Read interest; idempotent, and free when nothing changes (each real change costs an epoll_ctl). Off at first.
  virtual void want_read(bool want) = 0;
  // Writes at once what the kernel takes and queues (copies) the rest. Returns 0, or a negative errno when the
  // connection is broken: then nothing more is sent, on_transport_error is not called for it, and the caller acts on
  // the return value. Reading goes on, as the peer may have answered before it hung up; its end is then
  // on_transport_error with that code. `accepted`, when not null, is set to the bytes the kernel took now.
  virtual int send(const std::string_view* pieces, int count, size_t* accepted = nullptr) = 0;
  // Whether send_file() is worth a call: not where bytes change on their way (TLS).
  virtual bool sends_files() const { return false; }
  // As send(); behind `pieces` goes what the kernel takes of the file now, which `taken` is set to. Nothing of a file
  // is queued: 0 while something else is. What the kernel has to read from a disk for it is waited for.
  virtual int send_file(const std::string_view* pieces, int count, const FilePart& /*file*/, size_t* taken) {
    *taken = 0;
    return send(pieces, count);
  }
  // Bytes queued and not yet handed to the kernel.
  virtual size_t queued() const = 0;
  // All bytes handed to the kernel so far.
  virtual uint64_t bytes_sent() const = 0;
  // FIN once the queue is empty. No send() after it.
  virtual void shutdown_write() = 0;
  // Closes at once: queued bytes are dropped, the handler hears no more. Idempotent.
  virtual void close() = 0;
  // Closes with RST (SO_LINGER 0): for a truncated response, so that the client sees it.
  virtual void reset() = 0;
  virtual bool closed() const = 0;
  // Whether a byte, a FIN or a reset waits to be read: a system call, for who must know before the loop tells.
  virtual bool input_waits() const { return false; }

  virtual SocketAddress peer_address() const = 0;
  virtual SocketAddress local_address() const = 0;
  // Behind on_transport_error: what broke, in words, where its code does not say it. Empty: nothing more is known.
  virtual std::string fault() const { return {}; }
  // Of a unix socket: the process at its other end, as the kernel says: "uid 1000, pid 4711". Empty: not said.
  virtual std::string peer_process() const { return {}; }
  // A system call. Nothing: it is none of TCP.
  virtual std::optional<TcpInfo> tcp_info() const { return std::nullopt; }
};

}  // namespace weir::io
