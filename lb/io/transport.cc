// StreamTransport: reads into the loop's slab, writes at once what the kernel takes, queues the rest in one chain.
#include "io/transport.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/listener.h"
#include "io/loop_impl.h"
#include "io/stream.h"

namespace weir::io {
namespace {

void on_alloc(uv_handle_t* handle, size_t, uv_buf_t* buf) {
  Loop& loop = loop_of(handle);
  const StreamBox& box = StreamBox::of(reinterpret_cast<uv_stream_t*>(handle));
  if (box.owner != nullptr) box.owner->read_soon();
  *buf = loop.impl().burst.admit(handle) ? uv_buf_init(loop.slab().data(), Loop::kSlabBytes) : uv_buf_init(nullptr, 0);
}

void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf) {
  Loop& loop = loop_of(reinterpret_cast<uv_handle_t*>(stream));
  loop.time_passed();
  if (n < static_cast<ssize_t>(Loop::kSlabBytes)) loop.impl().burst.end();
  const StreamBox& box = StreamBox::of(stream);
  if (box.owner == nullptr || n == 0) return;
  if (n == UV_ENOBUFS && buf->base == nullptr) return;  // the burst was ended by on_alloc
  // An EOF without a buffer is libuv's guess: a short read and POLLHUP in one event. A reset looks the same.
  if (n == UV_EOF && buf->base == nullptr) n = box.owner->end_of_reading();
  box.owner->read_done(n, buf->base);
}

void on_write(uv_write_t* write, int status) {
  const StreamBox& box = StreamBox::of(write->handle);
  loop_of(&box.handle).time_passed();
  if (box.owner != nullptr) box.owner->write_done(status);
}

void on_connect(uv_connect_t* connect, int status) {
  StreamBox& box = StreamBox::of(connect->handle);
  loop_of(&box.handle).time_passed();
  if (box.owner == nullptr) return;
  StreamSide* side = std::exchange(box.side, nullptr);
  ConnectWatcher* watcher = side->watcher;
  loop_of(&box.handle).impl().sides.give(side);
  watcher->on_connect_done(status);
}

SocketAddress address_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (fd < 0 || get(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

}  // namespace

// An idle client connection is mostly this (DESIGN section 7).
static_assert(sizeof(StreamBox) + sizeof(StreamTransport) <= 350);

StreamBox::~StreamBox() {
  if (side != nullptr) loop_of(&handle).impl().sides.give(side);
}

void StreamBox::abandon() {
  if (side != nullptr && side->watcher != nullptr) side->watcher->on_connect_lost();
  if (owner != nullptr) owner->box_lost();
  owner = nullptr;
}

std::unique_ptr<StreamTransport> StreamTransport::adopt(Loop& loop, int fd, StreamKind kind) {
  auto* box = new StreamBox;
  const bool tcp = kind == StreamKind::kTcp;
  int status = tcp ? uv_tcp_init(loop.uv(), &box->tcp) : uv_pipe_init(loop.uv(), &box->pipe, 0);
  if (status != 0) {  // libuv has nothing of it yet
    ::close(fd);
    delete box;
    return nullptr;
  }
  box->handle.data = static_cast<UvBox*>(box);
  status = tcp ? uv_tcp_open(&box->tcp, fd) : uv_pipe_open(&box->pipe, fd);
  if (status != 0) {
    ::close(fd);
    UvBox::close(&box->handle);
    return nullptr;
  }
  std::unique_ptr<StreamTransport> transport(new StreamTransport(box));
  box->owner = transport.get();
  return transport;
}

StreamTransport::~StreamTransport() {
  close();
}

int StreamTransport::start_connect(const SocketAddress& address, ConnectWatcher* watcher) {
  StreamSidePool& sides = loop_of(&box_->handle).impl().sides;
  StreamSide* side = sides.take();
  if (address.is_unix()) {
    uv_pipe_connect(&side->connect, &box_->pipe, address.path().c_str(), on_connect);
  } else {
    sockaddr_storage storage{};
    address.to_sockaddr(storage);
    const int status = uv_tcp_connect(&side->connect, &box_->tcp, reinterpret_cast<sockaddr*>(&storage), on_connect);
    if (status != 0) {
      sides.give(side);
      return status;
    }
  }
  side->watcher = watcher;
  box_->side = side;
  return 0;
}

int StreamTransport::fd() const {
  uv_os_fd_t fd = -1;
  return box_ != nullptr && uv_fileno(&box_->handle, &fd) == 0 ? fd : -1;
}

void StreamTransport::want_read(bool want) {
  if (want == reading_ || box_ == nullptr || eof_ || failed_) return;
  reading_ = want;
  if (want)
    uv_read_start(&box_->stream, on_alloc, on_read);
  else
    uv_read_stop(&box_->stream);
}

int StreamTransport::end_of_reading() const {
  int code = 0;
  socklen_t length = sizeof code;
  return ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &code, &length) == 0 && code != 0 ? -code : UV_EOF;
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
  StreamBox& box = *box_;  // lives on if the handler destroys us
  handler_->on_read({base, static_cast<size_t>(n)});
  if (error_waits && box.owner == this && reading_ && !bytes_wait()) fail(send_error_);
}

int StreamTransport::send(const std::string_view* pieces, int count, size_t* accepted) {
  if (accepted != nullptr) *accepted = 0;
  if (send_error_ != 0) return send_error_;
  if (box_ == nullptr) return -ENOTCONN;
  if (fin_wanted_) return -EPIPE;
  size_t taken = 0;
  if (box_->side == nullptr) {
    const int status = write_now(pieces, count, &taken);
    sent_ += taken;
    if (accepted != nullptr) *accepted = taken;
    if (status != 0) return send_error_ = status;
  }
  enqueue(pieces, count, taken);
  if (box_->side == nullptr || box_->side->in_flight != 0) return 0;
  const int status = start_write();
  if (status != 0) drop_queue(status);
  return status;
}

// Until the kernel takes less than it was given.
int StreamTransport::write_now(const std::string_view* pieces, int count, size_t* taken) {
  for (int at = 0; at < count;) {
    uv_buf_t bufs[kMostPieces];
    unsigned used = 0;
    size_t offered = 0;
    for (; at < count && used < kMostPieces; ++at) {
      if (pieces[at].empty()) continue;
      // libuv only reads what a buf of a write points to.
      bufs[used].base = const_cast<char*>(pieces[at].data());
      bufs[used++].len = pieces[at].size();
      offered += pieces[at].size();
    }
    if (used == 0) return 0;
    const int n = uv_try_write(&box_->stream, bufs, used);
    if (n == UV_EAGAIN) return 0;
    if (n < 0) return n;
    *taken += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < offered) return 0;
  }
  return 0;
}

void StreamTransport::enqueue(const std::string_view* pieces, int count, size_t skip) {
  for (int i = 0; i < count; ++i) {
    const size_t skipped = std::min(skip, pieces[i].size());
    skip -= skipped;
    const std::string_view rest = pieces[i].substr(skipped);
    if (rest.empty()) continue;
    if (box_->side == nullptr) box_->side = loop_of(&box_->handle).impl().sides.take();
    box_->side->chain.append(rest);
  }
}

int StreamTransport::start_write() {
  StreamSide& side = *box_->side;
  uv_buf_t bufs[kPiecesPerWrite];
  unsigned used = 0;
  side.chain.for_each_piece(kPiecesPerWrite, [&](std::string_view piece) {
    bufs[used].base = const_cast<char*>(piece.data());
    bufs[used++].len = piece.size();
    side.in_flight += piece.size();
  });
  const int status = uv_write(&side.write, &box_->stream, bufs, used, on_write);
  if (status != 0) side.in_flight = 0;
  return status;
}

void StreamTransport::write_done(int status) {
  StreamSide& side = *box_->side;
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
    loop_of(&box_->handle).impl().sides.give(std::exchange(box_->side, nullptr));
    if (fin_wanted_) send_fin();
  }
  if (handler_ != nullptr && !failed_) handler_->on_sent();
}

void StreamTransport::drop_queue(int code) {
  send_error_ = code;
  loop_of(&box_->handle).impl().sides.give(std::exchange(box_->side, nullptr));
}

bool StreamTransport::bytes_wait() const {
  char byte = 0;
  return ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool StreamTransport::input_waits() const {
  if (box_ == nullptr) return true;
  char byte = 0;
  return ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void StreamTransport::fail(int code) {
  failed_ = true;
  if (std::exchange(reading_, false)) uv_read_stop(&box_->stream);
  if (send_error_ == 0) send_error_ = code;
  if (handler_ != nullptr) handler_->on_transport_error(code);
}

size_t StreamTransport::queued() const {
  if (box_ == nullptr || box_->side == nullptr) return 0;
  const StreamSide& side = *box_->side;
  const size_t unwritten = uv_stream_get_write_queue_size(&box_->stream);
  return side.chain.size() - side.in_flight + unwritten;
}

uint64_t StreamTransport::bytes_sent() const {
  if (box_ == nullptr || box_->side == nullptr) return sent_;
  return sent_ + box_->side->in_flight - uv_stream_get_write_queue_size(&box_->stream);
}

void StreamTransport::shutdown_write() {
  if (box_ == nullptr || fin_wanted_) return;
  fin_wanted_ = true;
  if (box_->side == nullptr) send_fin();
}

// Not uv_shutdown: that waits for one more writable event, two epoll_ctl for nothing when the queue is empty anyway.
void StreamTransport::send_fin() {
  ::shutdown(fd(), SHUT_WR);
}

void StreamTransport::close() {
  if (box_ == nullptr) return;
  sent_ = bytes_sent();
  handler_ = nullptr;
  box_->owner = nullptr;
  UvBox::close(&std::exchange(box_, nullptr)->handle);
}

void StreamTransport::reset() {
  if (box_ == nullptr) return;
  const linger now{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void StreamTransport::box_lost() {
  sent_ = bytes_sent();
  handler_ = nullptr;
  box_ = nullptr;
}

SocketAddress StreamTransport::peer_address() const {
  if (box_ != nullptr) {
    const auto& accepted = loop_of(&box_->handle).impl().accepted;
    if (accepted.transport == this) return accepted.address;
  }
  return address_of(fd(), ::getpeername);
}
SocketAddress StreamTransport::local_address() const {
  return address_of(fd(), ::getsockname);
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
