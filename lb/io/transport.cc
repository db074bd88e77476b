// StreamTransport: reads into the loop's slab, writes at once what the kernel takes, queues the rest in one chain.
#include "io/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/listener.h"
#include "io/loop_impl.h"
#include "io/stream.h"

namespace weir::io {
namespace {

void on_alloc(uv_handle_t* handle, size_t, uv_buf_t* buf) {
  Loop& loop = loop_of(handle);
  StreamTransport& transport = StreamTransport::of(reinterpret_cast<uv_stream_t*>(handle));
  const size_t most = transport.open() ? transport.read_soon() : TransportHandler::kUsualRead;
  *buf = loop.impl().burst.admit(handle, most) ? uv_buf_init(loop.slab().data(), static_cast<unsigned>(most))
                                               : uv_buf_init(nullptr, 0);
}

void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf) {
  Loop& loop = loop_of(reinterpret_cast<uv_handle_t*>(stream));
  loop.time_passed();
  if (n < static_cast<ssize_t>(buf->len)) loop.impl().burst.end();
  StreamTransport& transport = StreamTransport::of(stream);
  if (!transport.open() || n == 0) return;
  if (n == UV_ENOBUFS && buf->base == nullptr) return;  // the burst was ended by on_alloc
  // An EOF without a buffer is libuv's guess: a short read and POLLHUP in one event. A reset looks the same.
  if (n == UV_EOF && buf->base == nullptr) n = transport.end_of_reading();
  transport.read_done(n, buf->base);
}

void on_write(uv_write_t* write, int status) {
  StreamTransport& transport = StreamTransport::of(write->handle);
  loop_of(reinterpret_cast<uv_handle_t*>(write->handle)).time_passed();
  if (transport.open()) transport.write_done(status);
}

void on_connect(uv_connect_t* connect, int status) {
  StreamTransport& transport = StreamTransport::of(connect->handle);
  loop_of(reinterpret_cast<uv_handle_t*>(connect->handle)).time_passed();
  if (transport.open()) transport.connect_done(status);
}

SocketAddress address_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (fd < 0 || get(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

}  // namespace

// An idle client connection is mostly this (DESIGN section 7).
static_assert(sizeof(StreamTransport) <= 312);

std::unique_ptr<StreamTransport> StreamTransport::adopt(Loop& loop, int fd, StreamKind kind) {
  auto* transport = new StreamTransport;
  const bool tcp = kind == StreamKind::kTcp;
  int status = tcp ? uv_tcp_init(loop.uv(), &transport->tcp_) : uv_pipe_init(loop.uv(), &transport->pipe_, 0);
  if (status != 0) {  // libuv has nothing of it yet
    ::close(fd);
    transport->free();
    return nullptr;
  }
  transport->handle_.data = static_cast<UvBox*>(transport);
  status = tcp ? uv_tcp_open(&transport->tcp_, fd) : uv_pipe_open(&transport->pipe_, fd);
  if (status != 0) {
    ::close(fd);
    transport->close();
    return nullptr;
  }
  transport->fd_ = fd;
  transport->owned_ = true;
  return std::unique_ptr<StreamTransport>(transport);
}

StreamTransport::~StreamTransport() = default;

void StreamTransport::operator delete(StreamTransport* self, std::destroying_delete_t) {
  self->close();
  self->owned_ = false;
  if (!self->held_by_libuv_) self->free();
}

void StreamTransport::free() {
  std::destroy_at(this);
  ::operator delete(static_cast<void*>(this));
}

void StreamTransport::destroy() {
  if (side_ != nullptr) loop_of(&handle_).impl().sides.give(std::exchange(side_, nullptr));
  held_by_libuv_ = false;
  if (!owned_) free();
}

void StreamTransport::abandon() {
  if (!open_) return;
  if (side_ != nullptr && side_->watcher != nullptr) side_->watcher->on_connect_lost();
  sent_ = bytes_sent();
  handler_ = nullptr;
  open_ = false;
  fd_ = -1;
}

int StreamTransport::start_connect(const SocketAddress& address, ConnectWatcher* watcher) {
  StreamSidePool& sides = loop_of(&handle_).impl().sides;
  StreamSide* side = sides.take();
  if (address.is_unix()) {
    uv_pipe_connect(&side->connect, &pipe_, address.path().c_str(), on_connect);
  } else {
    sockaddr_storage storage{};
    address.to_sockaddr(storage);
    const int status = uv_tcp_connect(&side->connect, &tcp_, reinterpret_cast<sockaddr*>(&storage), on_connect);
    if (status != 0) {
      sides.give(side);
      return status;
    }
  }
  side->watcher = watcher;
  side_ = side;
  return 0;
}

void StreamTransport::connect_done(int status) {
  ConnectWatcher* watcher = side_->watcher;
  loop_of(&handle_).impl().sides.give(std::exchange(side_, nullptr));
  watcher->on_connect_done(status);
}

void StreamTransport::want_read(bool want) {
  if (want == reading_ || !open_ || eof_ || failed_) return;
  reading_ = want;
  if (want)
    uv_read_start(&stream_, on_alloc, on_read);
  else
    uv_read_stop(&stream_);
}

int StreamTransport::end_of_reading() const {
  int code = 0;
  socklen_t length = sizeof code;
  return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &length) == 0 && code != 0 ? -code : UV_EOF;
}

void StreamTransport::read_done(ssize_t n, const char* base) {
  if (n < 0) {
    reading_ = false;
    eof_ = true;
    if (n != UV_EOF || send_error_ != 0) {
      fail(n == UV_EOF ? send_error_ : static_cast<int>(n));
    } else if (handler_ != nullptr) {
      handler_->on_eof();
    }
    return;
  }
  if (handler_ == nullptr) return;
  const bool error_waits = send_error_ != 0;
  handler_->on_read({base, static_cast<size_t>(n)});  // may have us destroyed: then open_ is false
  if (error_waits && open_ && reading_ && !bytes_wait()) fail(send_error_);
}

int StreamTransport::send(const std::string_view* pieces, int count, size_t* accepted) {
  return send(pieces, count, accepted, 0);
}

int StreamTransport::send(const std::string_view* pieces, int count, size_t* accepted, int flags) {
  if (accepted != nullptr) *accepted = 0;
  if (send_error_ != 0) return send_error_;
  if (!open_) return -ENOTCONN;
  if (fin_wanted_) return -EPIPE;
  size_t taken = 0;
  if (side_ == nullptr) {
    const int status = write_now(pieces, count, &taken, flags);
    sent_ += taken;
    if (accepted != nullptr) *accepted = taken;
    if (status != 0) {
      send_error_ = static_cast<int16_t>(status);
      return status;
    }
  }
  enqueue(pieces, count, taken);
  if (side_ == nullptr || side_->in_flight != 0) return 0;
  const int status = start_write();
  if (status != 0) drop_queue(status);
  return status;
}

// Until the kernel takes less than it was given. Nothing is queued, so this needs nothing of libuv, whose part of us
// may be far from the cache.
int StreamTransport::write_now(const std::string_view* pieces, int count, size_t* taken, int flags) {
  for (int at = 0; at < count;) {
    iovec parts[kMostPieces];
    size_t used = 0;
    size_t offered = 0;
    for (; at < count && used < kMostPieces; ++at) {
      if (pieces[at].empty()) continue;
      // Only read from.
      parts[used].iov_base = const_cast<char*>(pieces[at].data());
      parts[used++].iov_len = pieces[at].size();
      offered += pieces[at].size();
    }
    if (used == 0) return 0;
    char joined[kJoined];
    if (used > 1 && offered <= kJoined) {
      size_t length = 0;
      for (size_t i = 0; i < used; length += parts[i++].iov_len)
        std::memcpy(joined + length, parts[i].iov_base, parts[i].iov_len);
      parts[0] = {joined, length};
      used = 1;
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = used;
    ssize_t n;
    do {
      n = used == 1 ? ::send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | flags)
                    : ::sendmsg(fd_, &message, MSG_NOSIGNAL | flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
    *taken += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < offered) return 0;
  }
  return 0;
}

// Pieces and file leave in the same packets: the kernel holds back an end of theirs that fills none (MSG_MORE), and
// what it does not take of the file is followed by a send() or the end of the connection.
int StreamTransport::send_file(const std::string_view* pieces, int count, const FilePart& file, size_t* taken) {
  *taken = 0;
  const int status = send(pieces, count, nullptr, MSG_MORE);
  if (status != 0 || side_ != nullptr) return status;
  off_t at = file.offset;
  while (*taken < file.size) {
    const ssize_t n = ::sendfile(fd_, file.fd, &at, file.size - *taken);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // whether connection or file is to blame is seen by who sends or reads on
    *taken += static_cast<size_t>(n);
  }
  sent_ += *taken;
  return 0;
}

void StreamTransport::enqueue(const std::string_view* pieces, int count, size_t skip) {
  for (int i = 0; i < count; ++i) {
    const size_t skipped = std::min(skip, pieces[i].size());
    skip -= skipped;
    const std::string_view rest = pieces[i].substr(skipped);
    if (rest.empty()) continue;
    if (side_ == nullptr) side_ = loop_of(&handle_).impl().sides.take();
    side_->chain.append(rest);
  }
}

int StreamTransport::start_write() {
  StreamSide& side = *side_;
  uv_buf_t bufs[kPiecesPerWrite];
  unsigned used = 0;
  side.chain.for_each_piece(kPiecesPerWrite, [&](std::string_view piece) {
    bufs[used].base = const_cast<char*>(piece.data());
    bufs[used++].len = piece.size();
    side.in_flight += piece.size();
  });
  const int status = uv_write(&side.write, &stream_, bufs, used, on_write);
  if (status != 0) side.in_flight = 0;
  return status;
}

void StreamTransport::write_done(int status) {
  StreamSide& side = *side_;
  if (status == 0) {
    sent_ += side.in_flight;
    side.chain.consume(std::exchange(side.in_flight, 0));
    if (!side.chain.empty()) status = start_write();
  }
  if (status != 0) {
    drop_queue(status);
    // A peer that answers and hangs up before it has read everything: its answer comes first, then the error.
    if (!failed_ && !(reading_ && bytes_wait())) fail(status);
    return;
  }
  if (side.chain.empty()) {
    loop_of(&handle_).impl().sides.give(std::exchange(side_, nullptr));
    if (fin_wanted_) send_fin();
  }
  if (handler_ != nullptr && !failed_) handler_->on_sent();
}

void StreamTransport::drop_queue(int code) {
  send_error_ = static_cast<int16_t>(code);
  loop_of(&handle_).impl().sides.give(std::exchange(side_, nullptr));
}

bool StreamTransport::bytes_wait() const {
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool StreamTransport::input_waits() const {
  if (!open_) return true;
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void StreamTransport::fail(int code) {
  failed_ = true;
  if (reading_) uv_read_stop(&stream_);
  reading_ = false;
  if (send_error_ == 0) send_error_ = static_cast<int16_t>(code);
  if (handler_ != nullptr) handler_->on_transport_error(code);
}

size_t StreamTransport::queued() const {
  if (!open_ || side_ == nullptr) return 0;
  const StreamSide& side = *side_;
  const size_t unwritten = uv_stream_get_write_queue_size(&stream_);
  return side.chain.size() - side.in_flight + unwritten;
}

uint64_t StreamTransport::bytes_sent() const {
  if (!open_ || side_ == nullptr) return sent_;
  return sent_ + side_->in_flight - uv_stream_get_write_queue_size(&stream_);
}

void StreamTransport::shutdown_write() {
  if (!open_ || fin_wanted_) return;
  fin_wanted_ = true;
  if (side_ == nullptr) send_fin();
}

// Not uv_shutdown: that waits for one more writable event, two epoll_ctl for nothing when the queue is empty anyway.
void StreamTransport::send_fin() {
  ::shutdown(fd_, SHUT_WR);
}

void StreamTransport::close() {
  if (!open_) return;
  sent_ = bytes_sent();
  handler_ = nullptr;
  open_ = false;
  fd_ = -1;
  UvBox::close(&handle_);
}

void StreamTransport::reset() {
  if (!open_) return;
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

SocketAddress StreamTransport::peer_address() const {
  if (open_) {
    const auto& accepted = loop_of(&handle_).impl().accepted;
    if (accepted.transport == this) return accepted.address;
  }
  return address_of(fd_, ::getpeername);
}
SocketAddress StreamTransport::local_address() const {
  return address_of(fd_, ::getsockname);
}

std::string StreamTransport::peer_process() const {
  ucred who{};
  socklen_t length = sizeof who;
  // Of a TCP socket the call succeeds, and says that nobody is there.
  if (::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || who.pid <= 0) return {};
  return "uid " + std::to_string(who.uid) + ", pid " + std::to_string(who.pid);
}

std::optional<TcpInfo> StreamTransport::tcp_info() const {
  struct ::tcp_info info {};
  socklen_t length = sizeof info;
  if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  return TcpInfo{info.tcpi_rtt, info.tcpi_rttvar, info.tcpi_snd_cwnd, info.tcpi_rcv_space};
}

std::unique_ptr<Transport> make_transport(Loop& loop, int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) {
    if (fd >= 0) ::close(fd);
    return nullptr;
  }
  return StreamTransport::adopt(loop, fd, domain == AF_UNIX ? StreamKind::kUnix : StreamKind::kTcp);
}

}  // namespace weir::io
