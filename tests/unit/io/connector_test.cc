// connect(): every ending as a kind, never inside the call, and a cancel that is heard by nobody.
#include "io/connector.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "unit/io/harness.h"

namespace weir::io::test {
namespace {

struct Outcome {
  int calls = 0;
  std::unique_ptr<Transport> transport;
  ConnectFailure failure;
  Connecting::OnDone callback() {
    return [this](std::unique_ptr<Transport> t, ConnectFailure f) {
      ++calls;
      transport = std::move(t);
      failure = f;
    };
  }
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(testing::TempDir() + "weir_io_XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryDirectory() {
    ::unlink(socket().c_str());
    ::rmdir(path_.c_str());
  }
  std::string socket() const { return path_ + "/sock"; }

 private:
  std::string path_;
};

// A bound port that nobody listens on: nobody else can take it either.
std::pair<Fd, SocketAddress> refusing_port() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t length = loopback().to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::abort();
  const SocketAddress address = bound_address(fd.get());
  return {std::move(fd), address};
}

TEST(Connect, gives_a_transport_that_carries_bytes) {
  Loop loop;
  const Fd listening(*open_listener(loopback(), {}));
  Outcome outcome;
  auto connecting = connect(loop, bound_address(listening.get()), {}, outcome.callback());
  EXPECT_EQ(outcome.calls, 0);
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  ASSERT_NE(outcome.transport, nullptr);
  EXPECT_EQ(outcome.failure.kind, ErrorKind::kNone);
  const Fd accepted(::accept(listening.get(), nullptr, nullptr));
  EXPECT_EQ(send(*outcome.transport, "ping"), 0);
  EXPECT_EQ(accepted.read_some(), "ping");
  EXPECT_EQ(outcome.transport->peer_address(), bound_address(listening.get()));
  Recorder recorder;
  outcome.transport->set_handler(&recorder);
  outcome.transport->want_read(true);
  accepted.write("pong");
  EXPECT_TRUE(until(loop, [&] { return recorder.bytes == "pong"; }));
}

TEST(Connect, reaches_a_unix_socket) {
  Loop loop;
  const TemporaryDirectory directory;
  const SocketAddress address = SocketAddress::from_unix(directory.socket());
  const Fd listening(*open_listener(address, {}));
  Outcome outcome;
  auto connecting = connect(loop, address, {}, outcome.callback());
  EXPECT_EQ(outcome.calls, 0);
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  ASSERT_NE(outcome.transport, nullptr);
  const Fd accepted(::accept(listening.get(), nullptr, nullptr));
  EXPECT_EQ(send(*outcome.transport, "ping"), 0);
  EXPECT_EQ(accepted.read_some(), "ping");
}

TEST(Connect, a_port_without_a_listener_refuses) {
  Loop loop;
  const auto [fd, address] = refusing_port();
  Outcome outcome;
  auto connecting = connect(loop, address, {}, outcome.callback());
  EXPECT_EQ(outcome.calls, 0);
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_EQ(outcome.transport, nullptr);
  EXPECT_EQ(outcome.failure.kind, ErrorKind::kConnectRefused);
  EXPECT_EQ(outcome.failure.code, -ECONNREFUSED);
}

TEST(Connect, missing_or_stale_socket_file_refuses) {
  Loop loop;
  const TemporaryDirectory directory;
  const SocketAddress address = SocketAddress::from_unix(directory.socket());
  for (const bool stale : {false, true}) {
    if (stale) Fd(*open_listener(address, {})).close();
    Outcome outcome;
    auto connecting = connect(loop, address, {}, outcome.callback());
    EXPECT_EQ(outcome.calls, 0);
    ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
    EXPECT_EQ(outcome.failure.kind, ErrorKind::kConnectRefused);
    EXPECT_EQ(outcome.failure.code, stale ? -ECONNREFUSED : -ENOENT);
  }
}

TEST(Connect, times_out_when_the_backlog_is_full) {
  Loop loop;
  ListenOptions options;
  options.backlog = 0;
  const Fd listening(*open_listener(loopback(), options));
  const SocketAddress address = bound_address(listening.get());
  std::vector<Fd> queued;
  for (int i = 0; i < 4; ++i) queued.push_back(raw_connect(address, false));
  ConnectOptions hasty;
  hasty.timeout = Millis(20);
  Outcome outcome;
  const MonoMs start = loop.now();
  auto connecting = connect(loop, address, hasty, outcome.callback());
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_EQ(outcome.transport, nullptr);
  EXPECT_EQ(outcome.failure.kind, ErrorKind::kConnectTimeout);
  EXPECT_EQ(outcome.failure.code, -ETIMEDOUT);
  EXPECT_GE(loop.now() - start, 20);
}

TEST(Connect, a_full_unix_backlog_is_a_local_error) {
  Loop loop;
  const TemporaryDirectory directory;
  const SocketAddress address = SocketAddress::from_unix(directory.socket());
  ListenOptions options;
  options.backlog = 0;
  const Fd listening(*open_listener(address, options));
  std::vector<Fd> queued;
  for (int i = 0; i < 4; ++i) queued.push_back(raw_connect(address, false));
  Outcome outcome;
  auto connecting = connect(loop, address, {}, outcome.callback());
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_EQ(outcome.failure.kind, ErrorKind::kLocalError);
  EXPECT_EQ(outcome.failure.code, -EAGAIN);
}

TEST(Connect, exhausted_descriptors_are_a_local_error) {
  Loop loop;
  const Fd listening(*open_listener(loopback(), {}));
  const SocketAddress address = bound_address(listening.get());
  // UBSan opens a pipe to look at a type of object that it has not seen before: let it see them now.
  connect(loop, SocketAddress(), {}, Outcome().callback()).reset();
  loop.turn(false);
  Outcome outcome;
  std::unique_ptr<Connecting> connecting;
  {
    const NoMoreDescriptors none;
    connecting = connect(loop, address, {}, outcome.callback());
  }
  EXPECT_EQ(outcome.calls, 0);
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_EQ(outcome.failure.kind, ErrorKind::kLocalError);
  EXPECT_EQ(outcome.failure.code, -EMFILE);
}

TEST(Connect, empty_address_fails_in_the_next_turn) {
  Loop loop;
  Outcome outcome;
  auto connecting = connect(loop, SocketAddress(), {}, outcome.callback());
  EXPECT_EQ(outcome.calls, 0);
  ASSERT_TRUE(until(loop, [&] { return outcome.calls > 0; }));
  EXPECT_EQ(outcome.transport, nullptr);
  EXPECT_NE(outcome.failure.kind, ErrorKind::kNone);
}

TEST(Connect, cancelled_connect_runs_no_callback) {
  Loop loop;
  const Fd listening(*open_listener(loopback(), {}));
  const auto [fd, refusing] = refusing_port();
  for (const SocketAddress& address : {bound_address(listening.get()), refusing, SocketAddress()}) {
    Outcome outcome;
    connect(loop, address, {}, outcome.callback()).reset();
    for (int i = 0; i < 5; ++i) loop.turn(false);
    EXPECT_EQ(outcome.calls, 0);
  }
}

TEST(Connect, may_be_destroyed_inside_its_callback) {
  Loop loop;
  const Fd listening(*open_listener(loopback(), {}));
  const auto [fd, refusing] = refusing_port();
  for (const SocketAddress& address : {bound_address(listening.get()), refusing, SocketAddress()}) {
    bool done = false;
    std::unique_ptr<Connecting> connecting;
    connecting = connect(loop, address, {}, [&](std::unique_ptr<Transport>, ConnectFailure) {
      connecting.reset();
      done = true;
    });
    EXPECT_TRUE(until(loop, [&] { return done; }));
  }
}

}  // namespace
}  // namespace weir::io::test
