// Probes over real sockets of this machine: what the scripted world takes for granted of io::connect and Transport.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>

#include "upstream/probe.h"

namespace weir::upstream {
namespace {

using Verdict = ProbeOutcome::Verdict;

// Listens on a port that the kernel chose and answers when it is looked at.
class Server {
 public:
  Server() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listening_, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listening_, 8), 0);
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &length);
    address = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&bound), length);
  }
  ~Server() {
    hang_up();
    stop_listening();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void look() {
    if (const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); fd >= 0) {
      hang_up();
      connection_ = fd;
      ++accepted;
    }
    char buffer[4096];
    const ssize_t n = connection_ >= 0 ? ::recv(connection_, buffer, sizeof buffer, 0) : -1;
    if (n <= 0) return;
    request_.append(buffer, static_cast<size_t>(n));
    if (request_.find("\r\n\r\n") == std::string::npos) return;
    request_.clear();
    if (resets) {
      const linger now{1, 0};
      ::setsockopt(connection_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      hang_up();
      return;
    }
    EXPECT_EQ(::send(connection_, answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
  }
  void hang_up() {
    if (connection_ >= 0) ::close(connection_);
    connection_ = -1;
  }
  void stop_listening() {
    if (listening_ >= 0) ::close(listening_);
    listening_ = -1;
  }

  SocketAddress address;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  bool resets = false;
  int accepted = 0;

 private:
  int listening_ = -1;
  int connection_ = -1;
  std::string request_;
};

class ProbeSocketTest : public testing::Test, public ProbeOwner {
 protected:
  ProbeSocketTest() {
    auto match = std::make_shared<Match>();
    match->bodies = {{false, "ok", nullptr}};
    check_.match = match;
    check_.host = "app";
    check_.health.timeout = Millis(10'000);
  }
  template <class Condition>
  void until(Condition met) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!met() && std::chrono::steady_clock::now() < end) {
      loop_.turn(false);
      server_.look();
    }
    ASSERT_TRUE(met());
  }
  const ProbeOutcome& ask() {
    if (probe_ == nullptr) probe_ = std::make_unique<Probe>(kit_, server_.address, check_, *this);
    outcome_.reset();
    probe_->begin();
    until([this] { return outcome_.has_value(); });
    return *outcome_;
  }
  void on_outcome(const ProbeOutcome& outcome) override {
    outcome_ = outcome;
    if (destroy_) probe_.reset();
  }

  io::Loop loop_;
  ProbeKit kit_{loop_, nullptr};
  Server server_;
  CheckOptions check_;
  std::unique_ptr<Probe> probe_;
  std::optional<ProbeOutcome> outcome_;
  bool destroy_ = false;
};

TEST_F(ProbeSocketTest, passes_and_fails_as_the_peer_answers) {
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  server_.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
  EXPECT_EQ(ask().reason, "body is not \"ok\"");
  EXPECT_EQ(outcome_->status, 503);
  EXPECT_EQ(server_.accepted, 2);
}

TEST_F(ProbeSocketTest, names_a_closed_port) {
  server_.stop_listening();
  EXPECT_EQ(ask().reason, "connection refused");
}

TEST_F(ProbeSocketTest, names_a_reset) {
  server_.resets = true;
  EXPECT_EQ(ask().reason, "reset before an answer");
}

TEST_F(ProbeSocketTest, names_a_peer_that_does_not_answer) {
  check_.health.timeout = Millis(50);
  server_.answer = "HTTP/1.1 200 OK\r\n";
  const ProbeOutcome& outcome = ask();
  if (outcome.stalled) GTEST_SKIP() << "this machine stood still";
  EXPECT_EQ(outcome.reason, "no answer within 50 ms");
}

TEST_F(ProbeSocketTest, uses_a_kept_connection_until_the_peer_closes_it) {
  check_.keepalive_time = Millis(60'000);
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  EXPECT_EQ(server_.accepted, 1);
  server_.hang_up();
  EXPECT_EQ(ask().verdict, Verdict::kPassed) << "whether the loop has seen the end yet or not";
  EXPECT_EQ(server_.accepted, 2);
}

TEST_F(ProbeSocketTest, may_be_destroyed_inside_its_callback) {
  destroy_ = true;
  EXPECT_EQ(ask().verdict, Verdict::kPassed);
  server_.resets = true;
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
  server_.stop_listening();
  EXPECT_EQ(ask().verdict, Verdict::kFailed);
  EXPECT_EQ(loop_.armed(), 0U);
}

}  // namespace
}  // namespace weir::upstream
