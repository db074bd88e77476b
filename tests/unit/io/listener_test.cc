// Listening sockets and Listener: binding and its errors, pausing, and running out of descriptors without spinning.
#include "io/listener.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstdlib>

#include "unit/io/harness.h"

namespace weir::io::test {
namespace {

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  ::getsockopt(fd, level, name, &value, &length);
  return value;
}

class ListenerTest : public testing::Test {
 protected:
  void listen(const SocketAddress& address = loopback()) {
    auto fd = open_listener(address, {});
    ASSERT_TRUE(fd) << fd.error();
    listener_ = std::make_unique<Listener>(loop_, *fd, [this](std::unique_ptr<Transport> transport) {
      accepted_.push_back(std::move(transport));
      if (when_accepted_) when_accepted_();
    });
  }
  bool until_accepted(size_t n) {
    return until(loop_, [&] { return accepted_.size() >= n; });
  }
  void turns(int n) {
    for (int i = 0; i < n; ++i) loop_.turn(false);
  }

  Loop loop_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Transport>> accepted_;
  std::function<void()> when_accepted_;
};

TEST_F(ListenerTest, accepts_and_knows_its_port) {
  listen();
  EXPECT_NE(listener_->address().port(), 0);
  const Fd client = raw_connect(listener_->address());
  ASSERT_TRUE(until_accepted(1));
  EXPECT_EQ(accepted_[0]->peer_address(), bound_address(client.get()));
  EXPECT_EQ(accepted_[0]->local_address(), listener_->address());
  EXPECT_EQ(send(*accepted_[0], "welcome"), 0);
  EXPECT_EQ(client.read_some(), "welcome");
}

TEST_F(ListenerTest, accepts_a_burst_bigger_than_one_event_takes) {
  listen();
  std::vector<Fd> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(raw_connect(listener_->address()));
  EXPECT_TRUE(until_accepted(40));
}

TEST_F(ListenerTest, accepts_on_a_unix_socket) {
  std::string directory = testing::TempDir() + "weir_io_XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const SocketAddress address = SocketAddress::from_unix(directory + "/sock");
  listen(address);
  const Fd client = raw_connect(address);
  ASSERT_TRUE(until_accepted(1));
  EXPECT_EQ(listener_->address(), address);
  EXPECT_TRUE(accepted_[0]->peer_address().is_unix());
  EXPECT_EQ(send(*accepted_[0], "welcome"), 0);
  EXPECT_EQ(client.read_some(), "welcome");
  struct stat info {};
  EXPECT_EQ(::stat(address.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666U);
  EXPECT_FALSE(open_listener(address, {}));
  EXPECT_FALSE(probe_address(address));
  listener_.reset();
  EXPECT_TRUE(probe_address(address));
  auto again = open_listener(address, {});
  ASSERT_TRUE(again) << again.error();
  Fd(*again).close();
  ::unlink(address.path().c_str());
  ::rmdir(directory.c_str());
}

TEST_F(ListenerTest, leaves_connections_in_the_backlog_while_paused) {
  listen();
  listener_->pause();
  EXPECT_TRUE(listener_->paused());
  const Fd client = raw_connect(listener_->address());
  const Fd another = raw_connect(listener_->address());
  turns(3);
  EXPECT_TRUE(accepted_.empty());
  listener_->resume();
  EXPECT_FALSE(listener_->paused());
  EXPECT_TRUE(until_accepted(2));
}

TEST_F(ListenerTest, a_pause_inside_the_callback_holds_the_next_connection_back) {
  listen();
  when_accepted_ = [&] { listener_->pause(); };
  const Fd client = raw_connect(listener_->address());
  const Fd another = raw_connect(listener_->address());
  ASSERT_TRUE(until_accepted(1));
  turns(3);
  EXPECT_EQ(accepted_.size(), 1U);
  listener_->resume();
  EXPECT_TRUE(until_accepted(2));
}

TEST_F(ListenerTest, may_be_destroyed_inside_its_callback) {
  listen();
  when_accepted_ = [&] { listener_.reset(); };
  const SocketAddress address = listener_->address();
  const Fd client = raw_connect(address);
  const Fd another = raw_connect(address);
  ASSERT_TRUE(until_accepted(1));
  turns(3);
  EXPECT_EQ(accepted_.size(), 1U);
}

TEST_F(ListenerTest, closes_its_port_when_destroyed) {
  listen();
  const SocketAddress address = listener_->address();
  EXPECT_FALSE(probe_address(address));
  listener_.reset();
  EXPECT_TRUE(probe_address(address));
}

TEST_F(ListenerTest, recovers_when_descriptors_are_free_again) {
  listen();
  loop_.turn(false);
  const Fd client = raw_connect(listener_->address());
  {
    const NoMoreDescriptors none;
    loop_.turn(true);
    EXPECT_TRUE(accepted_.empty());
  }
  ASSERT_TRUE(until_accepted(1));
  EXPECT_EQ(send(*accepted_[0], "late but here"), 0);
  EXPECT_EQ(client.read_some(), "late but here");
}

TEST_F(ListenerTest, does_not_spin_without_descriptors) {
  listen();
  const Fd client = raw_connect(listener_->address());
  const auto starve = [&](int64_t ms) {
    const NoMoreDescriptors none;
    const MonoMs end = loop_.now() + ms;
    int turned = 0;
    do {
      loop_.turn(true);
      ++turned;
    } while (loop_.now() < end);
    return turned;
  };
  starve(0);
  ASSERT_TRUE(until_accepted(1));  // UBSan has now seen every type that a retry calls (see NoMoreDescriptors)
  const Fd another = raw_connect(listener_->address());
  EXPECT_LT(starve(250), 30);
  EXPECT_EQ(accepted_.size(), 1U);
  EXPECT_TRUE(until_accepted(2));
}

TEST_F(ListenerTest, a_pause_while_out_of_descriptors_lasts) {
  listen();
  loop_.turn(false);
  const Fd client = raw_connect(listener_->address());
  {
    const NoMoreDescriptors none;
    loop_.turn(true);
    listener_->pause();
  }
  const MonoMs until_then = loop_.now() + 150;
  while (loop_.now() < until_then) loop_.turn(false);
  EXPECT_TRUE(accepted_.empty());
  listener_->resume();
  EXPECT_TRUE(until_accepted(1));
}

TEST_F(ListenerTest, spare_descriptor_takes_one_connection_without_descriptors) {
  listen();
  const Fd before = raw_connect(listener_->address());
  {
    const NoMoreDescriptors none;
    loop_.turn(true);
  }
  ASSERT_TRUE(until_accepted(1));  // UBSan has now seen every type that is called below (see NoMoreDescriptors)
  accepted_.clear();
  listener_->keep_spare();
  loop_.turn(false);
  const Fd first = raw_connect(listener_->address());
  const Fd second = raw_connect(listener_->address());
  {
    const NoMoreDescriptors none;
    ASSERT_TRUE(until_accepted(1));
    EXPECT_EQ(accepted_.size(), 1U);
    accepted_.clear();
    listener_->keep_spare();  // its descriptor is free again
    loop_.turn(false);
    ASSERT_TRUE(until_accepted(1)) << "the second one, at the next try";
  }
}

TEST(OpenListener, accepted_connections_inherit_the_options) {
  ListenOptions options;
  options.keepalive = true;
  options.keep_idle = 77;
  options.keep_interval = 11;
  options.keep_count = 3;
  const Fd listening(*open_listener(loopback(), options));
  const Fd client = raw_connect(bound_address(listening.get()));
  const Fd accepted(::accept(listening.get(), nullptr, nullptr));
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(accepted.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPIDLE), 77);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPINTVL), 11);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_NE(::fcntl(listening.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(listening.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(OpenListener, sets_the_buffers_of_its_connections) {
  ListenOptions options;
  options.receive_buffer = 32 * 1024;
  options.send_buffer = 48 * 1024;
  const Fd listening(*open_listener(loopback(), options));
  EXPECT_EQ(option(listening.get(), SOL_SOCKET, SO_RCVBUF), 64 * 1024);  // the kernel doubles it: socket(7)
  EXPECT_EQ(option(listening.get(), SOL_SOCKET, SO_SNDBUF), 96 * 1024);
}

TEST(OpenListener, deferred_listener_accepts_with_the_first_bytes) {
  ListenOptions options;
  options.deferred = true;
  options.fast_open = 5;
  const Fd listening(*open_listener(loopback(), options));
  EXPECT_EQ(option(listening.get(), IPPROTO_TCP, TCP_FASTOPEN), 5);
  const Fd client = raw_connect(bound_address(listening.get()));
  EXPECT_LT(::accept(listening.get(), nullptr, nullptr), 0);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  pollfd ready{listening.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 10'000), 1);
  const Fd accepted(::accept(listening.get(), nullptr, nullptr));
  EXPECT_EQ(accepted.read_some(), "x");
}

TEST(TuneListener, options_change_while_it_listens) {
  ListenOptions options;
  options.keepalive = true;
  options.keep_idle = 77;
  options.deferred = true;
  const Fd listening(*open_listener(loopback(), options));
  const SocketAddress address = bound_address(listening.get());
  options.keep_idle = 0;
  options.keep_count = 5;
  options.deferred = false;
  options.fast_open = 9;
  ASSERT_TRUE(tune_listener(listening.get(), address, options));
  const Fd fresh(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(option(listening.get(), IPPROTO_TCP, TCP_KEEPIDLE), option(fresh.get(), IPPROTO_TCP, TCP_KEEPIDLE));
  EXPECT_EQ(option(listening.get(), IPPROTO_TCP, TCP_KEEPCNT), 5);
  EXPECT_EQ(option(listening.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
  EXPECT_EQ(option(listening.get(), IPPROTO_TCP, TCP_FASTOPEN), 9);
  options.keepalive = false;
  ASSERT_TRUE(tune_listener(listening.get(), address, options));
  EXPECT_EQ(option(listening.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(OpenListener, shares_a_port_only_with_reuse_port) {
  const Fd first(*open_listener(loopback(), {}));
  const SocketAddress address = bound_address(first.get());
  const Fd second(*open_listener(address, {}));
  EXPECT_EQ(bound_address(second.get()), address);
  ListenOptions alone;
  alone.reuse_port = false;
  const auto third = open_listener(address, alone);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error(), "bind() to " + address.to_string() + " failed (98: Address already in use)");
}

TEST(OpenListener, keeps_ipv4_out_of_an_ipv6_socket) {
  auto six = open_listener(*SocketAddress::from_ip("::", 0), {});
  if (!six) GTEST_SKIP() << six.error();
  const Fd fd(*six);
  EXPECT_EQ(option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
  ListenOptions both;
  both.ipv6_only = false;
  const Fd dual(*open_listener(*SocketAddress::from_ip("::", 0), both));
  EXPECT_EQ(option(dual.get(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

TEST(OpenListener, does_not_remove_a_file_that_is_no_socket) {
  std::string path = testing::TempDir() + "weir_io_XXXXXX";
  const Fd file(::mkstemp(path.data()));
  const SocketAddress address = SocketAddress::from_unix(path);
  EXPECT_FALSE(open_listener(address, {}));
  EXPECT_FALSE(probe_address(address));
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
}

TEST(OpenListener, reports_the_fault_of_an_address) {
  const auto too_long = open_listener(SocketAddress::from_unix("/tmp/" + std::string(200, 'x')), {});
  ASSERT_FALSE(too_long);
  EXPECT_NE(too_long.error().find("File name too long"), std::string::npos) << too_long.error();
  EXPECT_FALSE(open_listener(*SocketAddress::from_ip("192.0.2.1", 0), {}));
}

}  // namespace
}  // namespace weir::io::test
