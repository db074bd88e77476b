// The admin socket over a real unix socket: the client of weir ctl on one side, raw bytes too.
#include "admin/server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <vector>

#include "base/sockaddr.h"
#include "ctl/client.h"
#include "unit/admin/fixture.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class AdminServerTest : public AdminFixture {
 protected:
  void SetUp() override {
    start("upstream u { server 127.0.0.1:1; }");
    admin_ = std::make_unique<AdminServer>(*runtime_, *reload_);
    const Status<> opened = admin_->open(path_);
    ASSERT_TRUE(opened) << opened.error();
  }
  ~AdminServerTest() override { reload_->cancel(); }

  Result<ctl::CtlReply> ask(const std::string& method, const std::string& target, const std::string& body = "") {
    auto reply =
        std::async(std::launch::async, [&] { return ctl::ask_weir(path_, method, target, body, ctl::kLookPatience); });
    turn_until([&reply] { return reply.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
    return reply.get();
  }
  OwnedFd connect() const {
    sockaddr_storage storage{};
    const socklen_t length = SocketAddress::from_unix(path_).to_sockaddr(storage);
    OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0);
    return fd;
  }
  static void send(const OwnedFd& fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // What comes until `end` stands in it; until the close when that is empty.
  std::string receive(const OwnedFd& fd, const std::string& end = "") {
    std::string text;
    bool closed = false;
    turn_until([&] {
      char bytes[16 * 1024];
      const ssize_t n = ::recv(fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (n > 0) text.append(bytes, static_cast<size_t>(n));
      if (n == 0) closed = true;
      return closed || (!end.empty() && text.find(end) != std::string::npos);
    });
    return text;
  }

  const std::string path_ = dir_ / "weir.sock";
  std::unique_ptr<AdminServer> admin_;
};

constexpr const char* kGet = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(AdminServerTest, answers_its_client) {
  const auto reply = ask("GET", "/healthz");
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "ok\n");
  EXPECT_EQ(ask("GET", "/nothing")->status, 404);
}

TEST_F(AdminServerTest, change_is_answered_when_it_is_in_force) {
  const auto reply = ask("POST", "/v1/peers/u/127.0.0.1:1", R"({"action": "down"})");
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->status, 200);
  EXPECT_TRUE(state_of("u").hard_down());
}

TEST_F(AdminServerTest, keeps_connections_and_takes_requests_in_any_pieces) {
  const OwnedFd fd = connect();
  for (const char c : std::string_view(kGet)) {
    send(fd, {&c, 1});
    runtime_->loop.turn(false);
  }
  EXPECT_THAT(receive(fd, "ok\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  send(fd, std::string(kGet) + kGet + "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string rest = receive(fd);
  EXPECT_NE(rest.find("ok\nHTTP/1.1 200 OK"), std::string::npos);
  EXPECT_THAT(rest, HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(rest, HasSubstr("Connection: close"));
}

TEST_F(AdminServerTest, requests_behind_a_slow_one_wait_for_it) {
  write("nonsense;");
  const OwnedFd fd = connect();
  send(fd, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + std::string(kGet));
  const std::string both = receive(fd, "ok\n");
  EXPECT_THAT(both, StartsWith("HTTP/1.1 422"));
  EXPECT_LT(both.find("\"errors\""), both.find("ok\n"));
}

TEST_F(AdminServerTest, closes_after_an_invalid_request) {
  for (const char* bad :
       {"nonsense\r\n\r\n", "GET /healthz HTTP/1.1\r\n\r\n",
        "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const OwnedFd fd = connect();
    send(fd, bad);
    const std::string answer = receive(fd);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400")) << bad;
    EXPECT_THAT(answer, HasSubstr("\"error\"")) << bad;
  }
}

TEST_F(AdminServerTest, refusals_before_the_api_are_json) {
  const std::string head = "POST /v1/maintenance HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& bad : {std::string("nonsense\r\n\r\n"), head + "Content-Length: 65537\r\n\r\n",
                                 "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n",
                                 "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n" + std::string()}) {
    const OwnedFd fd = connect();
    send(fd, bad);
    const std::string answer = receive(fd);
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n")) << bad;
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n")) << bad;
    const auto body = nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4), nullptr, false);
    ASSERT_TRUE(body.is_object()) << answer;
    EXPECT_FALSE(body["error"].get<std::string>().empty()) << bad;
  }
}

TEST_F(AdminServerTest, half_closed_client_is_answered) {
  write("nonsense;");
  const OwnedFd fd = connect();
  send(fd, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_THAT(receive(fd), StartsWith("HTTP/1.1 422"));
}

TEST_F(AdminServerTest, refuses_bodies_over_64_KB) {
  const std::string head = "POST /v1/maintenance HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const OwnedFd declared = connect();
  send(declared, head + "Content-Length: 65537\r\n\r\n");
  EXPECT_THAT(receive(declared), StartsWith("HTTP/1.1 413"));
  const OwnedFd chunked = connect();
  send(chunked, head + "Transfer-Encoding: chunked\r\n\r\n" + "10001\r\n" + std::string(65537, ' ') + "\r\n");
  EXPECT_THAT(receive(chunked), StartsWith("HTTP/1.1 413"));
}

TEST_F(AdminServerTest, client_may_leave_before_its_answer) {
  write("nonsense;");
  {
    const OwnedFd fd = connect();
    send(fd, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    runtime_->loop.turn(false);
  }
  turn_until([this] { return runtime_->reloads.failed == 1; });
  EXPECT_EQ(ask("GET", "/healthz")->status, 200);
}

TEST_F(AdminServerTest, idle_connection_makes_room_for_a_new_one) {
  std::vector<OwnedFd> idle;
  for (int i = 0; i < 64; ++i) idle.push_back(connect());
  EXPECT_EQ(ask("GET", "/healthz")->status, 200);
  const auto closed = std::count_if(idle.begin(), idle.end(), [](const OwnedFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  });
  EXPECT_EQ(closed, 1) << "one made room";
}

TEST_F(AdminServerTest, half_sent_heads_make_room_for_a_new_one) {
  std::vector<OwnedFd> slow;
  for (int i = 0; i < 64; ++i) {
    slow.push_back(connect());
    send(slow.back(), "GET /heal");
    runtime_->loop.turn(false);
  }
  EXPECT_EQ(ask("GET", "/healthz")->status, 200);
}

TEST_F(AdminServerTest, removed_socket_file_is_made_anew) {
  const OwnedFd before = connect();
  send(before, kGet);
  receive(before, "ok\n");
  EXPECT_TRUE(admin_->is_reachable());
  std::filesystem::remove(path_);
  EXPECT_FALSE(admin_->is_reachable());
  ASSERT_TRUE(admin_->open(path_));
  EXPECT_TRUE(admin_->is_reachable());
  EXPECT_EQ(ask("GET", "/healthz")->status, 200);
  send(before, kGet);
  EXPECT_THAT(receive(before, "ok\n"), HasSubstr("200")) << "connections live on";
}

TEST_F(AdminServerTest, moves_to_another_path_and_keeps_its_connections) {
  const OwnedFd fd = connect();
  send(fd, kGet);
  receive(fd, "ok\n");
  ASSERT_TRUE(admin_->open(dir_ / "other.sock"));
  EXPECT_FALSE(dir_.exists("weir.sock"));
  EXPECT_TRUE(dir_.exists("other.sock"));
  send(fd, kGet);
  receive(fd, "ok\n");
  EXPECT_FALSE(admin_->open("/nonexistent/x.sock"));
  EXPECT_TRUE(dir_.exists("other.sock")) << "the old one stays";
  ASSERT_TRUE(admin_->open(""));
  EXPECT_FALSE(dir_.exists("other.sock"));
}

TEST_F(AdminServerTest, closing_ends_connections_and_removes_the_file) {
  const OwnedFd fd = connect();
  send(fd, kGet);
  receive(fd, "ok\n");
  admin_->close();
  EXPECT_EQ(receive(fd), "");
  EXPECT_FALSE(dir_.exists("weir.sock"));
  const auto reply = ctl::ask_weir(path_, "GET", "/healthz", "", ctl::kLookPatience);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), "weir is not running, or has no admin socket at " + path_);
}

TEST_F(AdminServerTest, slow_reader_gets_all_of_a_large_answer) {
  std::string servers;
  for (int port = 1; port <= 3'000; ++port) servers += "server 127.0.0.1:" + std::to_string(port) + "; ";
  write("upstream u { " + servers + "}");
  ASSERT_EQ(ask("POST", "/v1/reload")->status, 200);
  const OwnedFd fd = connect();
  send(fd, "GET /v1/upstreams HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet));
  for (int i = 0; i < 100; ++i) runtime_->loop.turn(false);  // the socket's buffers fill
  const std::string both = receive(fd, "ok\n");
  const size_t begin = both.find("\r\n\r\n") + 4;
  EXPECT_GT(both.size(), 512U * 1024);
  const std::string body = both.substr(begin, both.rfind("HTTP/1.1 200 OK") - begin);
  EXPECT_THAT(both, HasSubstr("Content-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_EQ(nlohmann::json::parse(body)["upstreams"][0]["peers"].size(), 3'000U);
}

}  // namespace
}  // namespace weir::admin
