// Certificates that are renewed while workers shake hands: every handshake is whole, with the one or the other.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "io/tls_handshake.h"
#include "sim/tls_end.h"

namespace weir::io::test {
namespace {

struct Sink final : Transport {
  void set_handler(TransportHandler*) override {}
  void want_read(bool) override {}
  int send(const std::string_view* pieces, int count, size_t*) override {
    for (int i = 0; i < count; ++i) out += pieces[i];
    return 0;
  }
  size_t queued() const override { return 0; }
  uint64_t bytes_sent() const override { return 0; }
  void shutdown_write() override {}
  void close() override {}
  void reset() override {}
  bool closed() const override { return false; }
  SocketAddress peer_address() const override { return {}; }
  SocketAddress local_address() const override { return {}; }
  std::string out;
};

bool shake(Loop& loop, const TlsContext& context, bool tls13) {
  Sink sink;
  TlsHandshake handshake(loop, context, sink);
  sim::TlsEnd client(tls13);
  client.shake();
  std::string plain;
  for (int i = 0; i < 10; ++i) {
    const TlsHandshake::State state = handshake.on_bytes(std::exchange(client.out, {}));
    if (state == TlsHandshake::State::kFailed || !client.hear(std::exchange(sink.out, {}), plain)) return false;
    if (state == TlsHandshake::State::kDone) return client.is_shaken();
  }
  return false;
}

TEST(TlsSwapTest, hundred_renewals_break_no_handshake) {
  sim::TlsSite site;
  std::atomic<bool> over = false;
  std::atomic<int> whole = 0, broken = 0;
  std::vector<std::thread> workers;
  for (int n = 0; n < 2; ++n)
    workers.emplace_back([&] {
      Loop loop;
      for (bool tls13 = false; !over; tls13 = !tls13) ++(shake(loop, *site.context, tls13) ? whole : broken);
    });
  for (int i = 0; i < 100; ++i) {
    const int before = whole;
    site.renew();
    while (whole == before && broken == 0) std::this_thread::yield();
  }
  over = true;
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(broken, 0);
  EXPECT_GE(whole, 100);
}

}  // namespace
}  // namespace weir::io::test
