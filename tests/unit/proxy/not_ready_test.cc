// proxy_next_upstream_match: what is looked at, what it leads to, and that an answer that was looked at stays whole.
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

using observe::Counter;

constexpr std::string_view kPost = "POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello";

std::string refusal(std::string_view body, std::string_view more = {}) {
  return "HTTP/1.1 503 Service Unavailable\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}
const std::string kMaintaining = refusal(R"({"error":{"status":503,"maintaining":true,"code":"APP_COMMANDING"}})");

class NotReadyAnswers : public Rig {
 protected:
  NotReadyAnswers() {
    serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).not_ready = {{503, "\"maintaining\":true"}}; });
    connect();
  }
};

TEST_F(NotReadyAnswers, get_moves_to_the_next_peer) {
  ask(kGet);
  tell(peer(), kMaintaining);
  EXPECT_EQ(answered(), "");
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_TRUE(has(logged().front(), "[10.0.0.1:13000, 10.0.0.2:13000] [503, 200] [not_ready, ok]"));
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kNotReady), 1U);
  EXPECT_EQ(state("app/10.0.0.1:13000").stats.failures.load(), 1U);
}

TEST_F(NotReadyAnswers, post_moves_to_the_next_peer_with_its_body) {
  ask(kPost);
  tell(peer(), kMaintaining);
  sim::Wire& second = peer();
  EXPECT_TRUE(has(second.outbound, "\r\n\r\nhello"));
  tell(second, kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(NotReadyAnswers, complete_answer_keeps_its_connection) {
  ask(kGet);
  sim::Wire& first = peer();
  tell(first, kMaintaining);
  EXPECT_FALSE(first.closed);
}

TEST_F(NotReadyAnswers, match_spans_reads) {
  ask(kGet);
  sim::Wire& first = peer();
  for (const char c : kMaintaining) {
    if (first.closed) break;
    tell(first, {&c, 1});
    EXPECT_EQ(answered(), "");
  }
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

TEST_F(NotReadyAnswers, match_spans_chunks) {
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"mainta\r\n");
  EXPECT_EQ(answered(), "");
  tell(*peers_[0], "b\r\nining\":true\r\n0\r\n\r\n");
  EXPECT_EQ(world_.connecting.size(), 1U);
}

TEST_F(NotReadyAnswers, unmatched_answer_reaches_the_client_whole) {
  ask(kGet);
  sim::Wire& first = peer();
  const std::string body = "{\"error\":\"APP_ERROR\"}";
  for (const char c : refusal(body, "X-Own: 1\r\n")) tell(first, {&c, 1});
  const std::string got = answered();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 503 ")) << got;
  EXPECT_TRUE(has(got, "X-Own: 1\r\n"));
  EXPECT_TRUE(got.ends_with("\r\n\r\n" + body)) << got;
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(NotReadyAnswers, answer_is_held_up_to_4_kb) {
  ask(kGet);
  const std::string body = std::string(5'000, 'x') + "\"maintaining\":true";
  const std::string whole = refusal(body);
  const size_t head = whole.size() - body.size();
  sim::Wire& first = peer();
  tell(first, whole.substr(0, head + 4'095));
  EXPECT_EQ(answered(), "");
  tell(first, whole.substr(head + 4'095, 2));
  const std::string begun = answered();
  EXPECT_TRUE(begun.ends_with(std::string(4'097, 'x')));
  tell(first, whole.substr(head + 4'097));
  EXPECT_EQ(begun + answered(), begun + body.substr(4'097));
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(NotReadyAnswers, other_statuses_are_not_held) {
  ask(kGet);
  tell(peer(), "HTTP/1.1 500 Oh\r\nContent-Length: 18\r\n\r\n\"maintaining\":true");
  EXPECT_TRUE(has(answered(), "500 Oh"));
}

TEST_F(NotReadyAnswers, encoded_answer_is_not_held) {
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Encoding: gzip\r\nContent-Length: 18\r\n\r\n\"maintaining\":true");
  EXPECT_TRUE(has(answered(), "503 No"));
}

TEST_F(NotReadyAnswers, answer_to_head_is_not_held) {
  ask("HEAD /a HTTP/1.1\r\nHost: app.test\r\n\r\n");
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 18\r\n\r\n");
  EXPECT_TRUE(has(answered(), "503 No"));
}

TEST_F(NotReadyAnswers, answer_without_a_body_is_not_held) {
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(has(answered(), "503 No"));
}

TEST_F(NotReadyAnswers, answer_of_the_last_peer_reaches_the_client) {
  ask(kGet);
  tell(peer(), kMaintaining);
  tell(peer(), kMaintaining);
  const std::string got = answered();
  EXPECT_TRUE(has(got, "HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(has(got, "APP_COMMANDING"));
  EXPECT_FALSE(has(got, "Retry-After")) << "it is the peer's own";
}

TEST_F(NotReadyAnswers, answer_reaches_the_client_when_others_are_down) {
  state("app/10.0.0.2:13000").check_down = true;
  ask(kGet);
  tell(peer(), kMaintaining);
  EXPECT_TRUE(has(answered(), "APP_COMMANDING"));
}

TEST_F(NotReadyAnswers, streamed_body_is_not_sent_again) {
  const size_t size = 200'000;
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
      std::string(100'000, 'b'));
  sim::Wire& first = peer();
  ask(std::string(size - 100'000, 'b'));
  tell(first, kMaintaining);
  EXPECT_TRUE(has(answered(), "APP_COMMANDING"));
}

TEST_F(NotReadyAnswers, cut_answer_is_a_failed_try) {
  ask(kGet);
  sim::Wire& first = peer();
  tell(first, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\n{\"main");
  end(first);
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_TRUE(has(logged().front(), "[reset_before_response, ok]"));
}

TEST_F(NotReadyAnswers, stalled_answer_is_a_timeout) {
  ask(kGet);
  tell(peer(), "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\n{\"main");
  for (int i = 0; i < 61; ++i) world_.advance(1'000);
  EXPECT_TRUE(has(answered(), "504"));  // after 60 s there is no time for another try
  EXPECT_TRUE(has(logged().front(), "[header_timeout]"));
}

TEST_F(NotReadyAnswers, client_may_abort_during_the_hold) {
  ask(kGet);
  sim::Wire& first = peer();
  tell(first, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\n{\"main");
  client_->fail(-ECONNRESET);
  EXPECT_TRUE(first.closed);
  EXPECT_TRUE(has(logged().front(), "499"));
}

TEST_F(NotReadyAnswers, retry_costs_no_budget) {
  std::vector<std::shared_ptr<sim::Wire>> clients;
  for (uint32_t i = 0; i < sim::SiteMaker::kBudget + 3; ++i) clients.push_back(another(kGet));
  for (size_t i = 0; i < clients.size(); ++i) peer();
  for (const auto& wire : std::vector(peers_)) tell(*wire, kMaintaining);
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kNotReady), clients.size());
  for (const auto& client : clients) EXPECT_EQ(client->outbound, "") << "it is on its way to another peer";
}

TEST_F(NotReadyAnswers, match_precedes_a_listed_status) {
  serve([](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    location.not_ready = {{503, "\"maintaining\":true"}};
    location.retry.on.http_503 = true;
  });
  ask(kGet);
  tell(peer(), refusal("overloaded"));
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
  EXPECT_EQ(world_.core->metrics().retries(ErrorKind::kNone), 1U) << "its status sent it on, not its text";
}

}  // namespace
}  // namespace weir::proxy
