// A byte stream without a socket. Wire is the whole stream as the far end and the simulation see it: what it has sent
// and weir has not read, what weir has sent, what is still queued on weir's side. FakeTransport is weir's handle of it;
// it keeps the contract of io/transport.h and notes when weir breaks its own side of that contract.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "io/transport.h"

namespace weir::sim {

inline constexpr size_t kUnlimited = SIZE_MAX;

struct Wire {
  // The far end's side.
  std::string inbound;  // sent by it, not yet read by weir
  bool inbound_fin = false;
  int inbound_error = 0;     // told once `inbound` has been read
  std::string outbound;      // handed to the kernel by weir
  size_t room = kUnlimited;  // of the kernel's buffer: what it takes now

  // weir's side.
  std::string queue;
  io::TransportHandler* handler = nullptr;
  SocketAddress peer;
  SocketAddress local;
  uint64_t sent = 0;
  int send_error = 0;
  bool reading = false;
  bool eof = false;     // has been told
  bool failed = false;  // has been told
  bool fin_wanted = false;
  bool fin = false;  // weir's FIN is out
  bool closed = false;
  bool was_reset = false;
  const char* misuse = nullptr;
  size_t most_read = kUnlimited;  // of one read
  bool asks = false;              // how much that is, as a real one does
  bool sends_files = false;       // as a real one does
  size_t from_files = 0;          // of `sent`: what weir has not had in its hands
  char* slab = nullptr;           // reads land here when set, else in a block of their own that dies with the call

  bool open() const { return !closed && !failed; }
  std::string describe() const {
    std::string text = std::to_string(sent) + " bytes sent by weir, " + std::to_string(queue.size()) + " queued, " +
                       std::to_string(inbound.size()) + " not read";
    for (const auto& [is, word] :
         {std::pair{reading, ", reading"}, std::pair{eof, ", at the end"}, std::pair{failed, ", failed"},
          std::pair{fin_wanted, ", shut down"}, std::pair{send_error != 0, ", broken"}})
      if (is) text += word;
    return text;
  }

  // weir reads what there is and hears of the end. False when nothing could be told now.
  bool deliver() {
    if (!open() || handler == nullptr || eof) return false;
    if (reading && !inbound.empty()) {
      size_t size = std::min(inbound.size(), most_read);
      if (asks) size = std::min(size, handler->on_read_soon());
      std::unique_ptr<char[]> own;
      char* at = slab;
      if (at == nullptr) {
        own.reset(new char[size]);
        at = own.get();
      }
      std::memcpy(at, inbound.data(), size);
      inbound.erase(0, size);
      handler->on_read({at, size});
      // Whoever kept a view of it reads this.
      std::memset(at, '!', size);
      return true;
    }
    // A reset is seen by whoever reads or has something to write.
    if (inbound_error != 0 && (reading || !queue.empty())) {
      fail(inbound_error);
      return true;
    }
    if (reading && send_error != 0) {
      fail(send_error);
      return true;
    }
    if (reading && inbound_fin) {
      eof = true;
      reading = false;
      handler->on_eof();
      return true;
    }
    return false;
  }
  // The far end reads: the kernel takes `n` more bytes.
  void grant(size_t n) {
    room = n > kUnlimited - room ? kUnlimited : room + n;
    if (closed || send_error != 0 || queue.empty()) return;
    const size_t take = std::min(room, queue.size());
    if (take == 0) return;
    outbound.append(queue, 0, take);
    queue.erase(0, take);
    if (room != kUnlimited) room -= take;
    sent += take;
    if (queue.empty() && fin_wanted) fin = true;
    if (handler != nullptr && !failed) handler->on_sent();
  }
  // From here on weir's sends fail.
  void break_sending() {
    send_error = -EPIPE;
    queue.clear();
  }
  void fail(int code) {
    failed = true;
    reading = false;
    queue.clear();
    if (send_error == 0) send_error = code;
    if (handler != nullptr) handler->on_transport_error(code);
  }
};

class FakeTransport final : public io::Transport {
 public:
  explicit FakeTransport(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  ~FakeTransport() override { FakeTransport::close(); }

  void set_handler(io::TransportHandler* handler) override { wire_->handler = handler; }
  void want_read(bool want) override {
    if (wire_->open() && !wire_->eof) wire_->reading = want;
  }
  int send(const std::string_view* pieces, int count, size_t* accepted) override {
    if (accepted != nullptr) *accepted = 0;
    Wire& wire = *wire_;
    if (wire.send_error != 0) return wire.send_error;
    if (wire.closed) {
      wire.misuse = "send() after close()";
      return -ENOTCONN;
    }
    if (wire.fin_wanted) {
      wire.misuse = "send() after shutdown_write()";
      return -EPIPE;
    }
    for (int i = 0; i < count; ++i) {
      const size_t take = wire.queue.empty() ? std::min(wire.room, pieces[i].size()) : 0;
      wire.outbound.append(pieces[i].substr(0, take));
      wire.queue.append(pieces[i].substr(take));
      if (wire.room != kUnlimited) wire.room -= take;
      wire.sent += take;
      if (accepted != nullptr) *accepted += take;
    }
    return 0;
  }
  bool sends_files() const override { return wire_->sends_files; }
  int send_file(const std::string_view* pieces, int count, const io::FilePart& file, size_t* taken) override {
    Wire& wire = *wire_;
    *taken = 0;
    const int status = FakeTransport::send(pieces, count, nullptr);
    if (status != 0 || !wire.queue.empty()) return status;
    std::string bytes(std::min(wire.room, file.size), '\0');
    const ssize_t n = ::pread(file.fd, bytes.data(), bytes.size(), file.offset);
    if (n <= 0) return 0;
    *taken = static_cast<size_t>(n);
    wire.outbound.append(bytes, 0, *taken);
    if (wire.room != kUnlimited) wire.room -= *taken;
    wire.sent += *taken;
    wire.from_files += *taken;
    return 0;
  }
  size_t queued() const override { return wire_->queue.size(); }
  uint64_t bytes_sent() const override { return wire_->sent; }
  void shutdown_write() override {
    if (wire_->closed) return;
    wire_->fin_wanted = true;
    if (wire_->queue.empty()) wire_->fin = true;
  }
  void close() override {
    wire_->closed = true;
    wire_->reading = false;
    wire_->handler = nullptr;
    wire_->queue.clear();
  }
  void reset() override {
    if (!wire_->closed) wire_->was_reset = true;
    close();
  }
  bool closed() const override { return wire_->closed; }
  bool input_waits() const override {
    return !wire_->inbound.empty() || wire_->inbound_fin || wire_->inbound_error != 0;
  }
  SocketAddress peer_address() const override { return wire_->peer; }
  SocketAddress local_address() const override { return wire_->local; }

 private:
  std::shared_ptr<Wire> wire_;
};

}  // namespace weir::sim
