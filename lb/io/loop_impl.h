// The inside of Loop: its two own handles, the mailbox, the graveyard, and what transports share. Private to io/.
#pragma once
#include <uv.h>

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/sockaddr.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/stream_side.h"

namespace weir::io {

// Ends a burst of reads. libuv reads up to 32 times per event while each read fills the buffer it was given; that may
// be 8 MB for one connection while the others wait. An empty buffer from the alloc callback ends the burst without a
// system call; the socket stays readable and its next event comes in the next turn.
class ReadBurst {
 public:
  static constexpr size_t kMostBytes = Loop::kSlabBytes;
  bool admit(const void* who, size_t bytes) {
    if (who != who_) {
      who_ = who;
      left_ = kMostBytes;
    }
    if (bytes > left_) {
      who_ = nullptr;
      return false;
    }
    left_ -= bytes;
    return true;
  }
  void end() { who_ = nullptr; }

 private:
  const void* who_ = nullptr;
  size_t left_ = 0;
};

struct Loop::Impl {
  explicit Impl(ChunkPool& chunks) : sides(chunks) {}

  uv_timer_t timer{};
  MonoMs timer_due = kNever;
  uv_async_t wake{};
  Mailbox mailbox;
  std::vector<Mailbox::Fn> delivered;
  std::vector<std::unique_ptr<Buriable>> graveyard;
  std::vector<std::unique_ptr<Buriable>> dying;
  // A list: a hook may add hooks while it runs.
  std::list<std::function<void()>> hooks;
  bool stopped = false;
  bool hurries = false;
  ReadBurst burst;
  // While a listener's callback runs: whom it was given, and from where accept() said that it comes. Everybody asks for
  // that at once, and a getpeername a connection is saved.
  struct {
    const void* transport = nullptr;
    SocketAddress address;
  } accepted;
  StreamSidePool sides;
  // file_reader.cc's
  int64_t caches_patience_us = 10'000;
  MonoMs caches_avoided_until = 0;
  std::unique_ptr<char[]> file_buffer;  // a spare one
  std::shared_ptr<void> tls;            // io/tls_engine.cc's; null until the first TLS connection
};

}  // namespace weir::io
