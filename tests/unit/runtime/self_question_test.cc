// Which of its own addresses weir asks, and what it takes for a good answer.
#include "runtime/self_question.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/owned_fd.h"
#include "config/loader.h"
#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

class SelfQuestionTest : public ::testing::Test {
 protected:
  SelfQuestionTest() {
    config::LoadedConfig loaded = config::load_text(
        "http { server { listen 80; listen [::]:81; listen 10.0.0.1:82; listen 10.0.0.2:82; listen 83 proxy_protocol; "
        "set_real_ip_from 10.0.0.0/8; listen unix:/x.sock; listen 443 ssl; ssl_certificate_selfsigned a.example; } }");
    EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
    model_ = std::move(loaded.model);
  }
  std::string asked(const std::string& url) {
    const Result<SelfQuestion> question = plan_self_question(url, model_);
    return question ? question->address.to_string() + " " + question->host + " " + question->target : question.error();
  }
  config::Model model_;
};

TEST_F(SelfQuestionTest, wildcard_is_asked_by_loopback) {
  EXPECT_EQ(asked("http://app.example/health?x=1#y"), "127.0.0.1:80 app.example /health?x=1");
  EXPECT_EQ(asked("HTTP://app.example"), "127.0.0.1:80 app.example /");
  EXPECT_EQ(asked("http://app.example:81/"), "[::1]:81 app.example:81 /");
}

TEST_F(SelfQuestionTest, literal_address_is_asked_itself) {
  EXPECT_EQ(asked("http://10.0.0.2:82/a"), "10.0.0.2:82 10.0.0.2:82 /a");
  EXPECT_EQ(asked("http://127.0.0.5/a"), "127.0.0.5:80 127.0.0.5 /a");
  EXPECT_EQ(asked("http://[::1]:81?q"), "[::1]:81 [::1]:81 /?q");
  EXPECT_EQ(asked("http://app.example:82/"), "10.0.0.1:82 app.example:82 /");
}

TEST_F(SelfQuestionTest, question_without_a_listener_is_refused) {
  for (const char* url : {"http://app.example:84/", "http://10.0.0.3:82/", "http://[::1]/", "http://127.0.0.1:81/"})
    EXPECT_THAT(asked(url), HasSubstr("no \"listen\"")) << url;
  EXPECT_THAT(asked("http://app.example:83/"), HasSubstr("PROXY header"));
}

TEST_F(SelfQuestionTest, scheme_and_listener_agree) {
  EXPECT_EQ(asked("https://app.example/a"), "127.0.0.1:443 app.example /a");
  EXPECT_TRUE(plan_self_question("HTTPS://app.example", model_)->tls);
  EXPECT_THAT(asked("http://app.example:443/"), HasSubstr("expects TLS"));
  EXPECT_THAT(asked("https://app.example:80/"), HasSubstr("does not speak TLS"));
}

TEST_F(SelfQuestionTest, wrong_url_is_refused) {
  for (const char* url : {"", "/health", "app.example/", "httpsx://app.example/", "ftp://a/"})
    EXPECT_THAT(asked(url), HasSubstr("only http://")) << url;
  for (const char* url : {"http://", "http:///x", "http://a b/", "http://user@a/", "http://a/\r\nX: y"})
    EXPECT_THAT(asked(url), HasSubstr("no URL")) << url;
  for (const char* url : {"http://a:0/", "http://a:x/", "http://a:65536/", "http://a:/"})
    EXPECT_THAT(asked(url), HasSubstr("no port")) << url;
}

// Answers each connection with the next text; an empty one closes it.
class Answering {
 public:
  explicit Answering(std::vector<std::string> answers) {
    question_.url = "http://a/";
    question_.address = SocketAddress::from_unix(dir_ / "socket");
    question_.host = "a";
    question_.target = "/";
    sockaddr_storage storage{};
    const socklen_t length = question_.address.to_sockaddr(storage);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& each : answers) {
        const OwnedFd client(::accept(fd_.get(), nullptr, nullptr));
        char bytes[4096];
        (void)!::recv(client.get(), bytes, sizeof bytes, 0);
        for (const char byte : each) (void)!::send(client.get(), &byte, 1, MSG_NOSIGNAL);
      }
    });
  }
  ~Answering() { thread_.join(); }
  const SelfQuestion& question() const { return question_; }

 private:
  TempDir dir_;
  SelfQuestion question_;
  OwnedFd fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

constexpr Millis kLong{60'000};
const std::atomic<bool> kGoOn{false};

TEST(AskSelf, good_statuses_are_good) {
  for (const char* status : {"200 OK", "204 No Content", "301 Moved Permanently", "399 x"}) {
    const Answering self({"HTTP/1.1 " + std::string(status) + "\r\n\r\n"});
    EXPECT_TRUE(ask_self(self.question(), kLong, kGoOn)) << status;
  }
}

TEST(AskSelf, interim_answer_is_passed_over) {
  const Answering self({"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"});
  EXPECT_TRUE(ask_self(self.question(), kLong, kGoOn));
}

TEST(AskSelf, bad_answers_are_asked_again) {
  const Answering self({"HTTP/1.1 503 x\r\n\r\n", "", "nonsense, not HTTP at all", "HTTP/1.1 200 OK\r\n\r\n"});
  EXPECT_TRUE(ask_self(self.question(), kLong, kGoOn));
}

TEST(AskSelf, last_answer_is_the_error) {
  const Answering self({"HTTP/1.1 404 Not Found\r\n\r\n"});
  const Status<> bad = ask_self(self.question(), Millis(1), kGoOn);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error(), HasSubstr("verification failed: http://a/: "));
}

TEST(AskSelf, answer_outlives_the_question_that_is_cut_off) {
  const Answering self({"HTTP/1.1 404 Not Found\r\n\r\n"});  // and silence
  const Status<> bad = ask_self(self.question(), Millis(2000), kGoOn);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error(), HasSubstr("status 404"));
}

TEST(AskSelf, cancelled_question_ends) {
  std::atomic<bool> cancelled{true};
  SelfQuestion nobody;
  nobody.address = SocketAddress::from_unix("/nonexistent/socket");
  EXPECT_FALSE(ask_self(nobody, kLong, cancelled));
}

}  // namespace
}  // namespace weir::runtime
