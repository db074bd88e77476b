// The seam of filters: order, answers, holds, bodies. On the simulation's fakes.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "sim/world.h"

namespace weir::proxy {
namespace {

using filter::Context;
using filter::Verdict;

const SocketAddress kListen = sim::ip("127.0.0.1", 80);
constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: sim.test\r\n\r\n";

// What the test wants of each hook; `resumes` collects the ways on.
struct Script {
  Verdict request = Verdict::kContinue;
  Verdict response = Verdict::kContinue;
  int status = 403;
  std::string add;  // a field put into both heads
  bool upper_case = false;
  int requests = 0, responses = 0, ends = 0;
  std::vector<std::function<void()>> resumes;
};

class Scripted final : public filter::Filter {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  Verdict on_request(Context& context, http::RequestHead& head) const override {
    ++script_.requests;
    if (*context.state == nullptr) *context.state = context.arena.make<int>(0);
    ++*static_cast<int*>(*context.state);
    if (!script_.add.empty()) head.fields.add(script_.add, "seen", http::HeaderToken::kOther);
    return tell(context, script_.request);
  }
  Verdict on_response(Context& context, http::ResponseHead& head) const override {
    ++script_.responses;
    EXPECT_EQ(*static_cast<int*>(*context.state), script_.requests) << "the state is this filter's own";
    if (!script_.add.empty()) head.fields.add(script_.add, "seen", http::HeaderToken::kOther);
    return tell(context, script_.response);
  }
  void on_response_body(Context& context, std::string_view& piece, bool end) const override {
    script_.ends += end;
    if (!script_.upper_case) return;
    char* out = context.arena.allocate(piece.size());
    for (size_t i = 0; i < piece.size(); ++i) out[i] = static_cast<char>(toupper(piece[i]));
    piece = {out, piece.size()};
  }

 private:
  Verdict tell(Context& context, Verdict& verdict) const {
    context.status = script_.status;
    if (verdict != Verdict::kSuspend) return verdict;
    script_.resumes.push_back(context.resume);
    verdict = Verdict::kContinue;  // the next time
    return Verdict::kSuspend;
  }
  Script& script_;
};

class Filters : public testing::Test {
 protected:
  Filters() : world_(log_.writer()) {
    EXPECT_TRUE(log::configure({}));
    sim::SiteMaker maker(shared_);
    const int app = maker.upstream("app", {"10.0.0.1"});
    Location& location = maker.proxied("/", app);
    location.filters = {std::make_shared<Scripted>(first_), std::make_shared<Scripted>(second_)};
    world_.core->adopt(maker.make({kListen}));
    client_ = world_.accept(kListen);
  }
  void tell(sim::Wire& wire, std::string_view bytes) {
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }
  void answer(std::string_view bytes) {
    if (peer_ == nullptr) peer_ = world_.connecting.front()->succeed();
    tell(*peer_, bytes);
  }

  sim::LogFile log_;
  sim::Shared shared_;
  Script first_, second_;
  sim::World world_;
  std::shared_ptr<sim::Wire> client_;
  std::shared_ptr<sim::Wire> peer_;
};

TEST_F(Filters, change_request_and_response_in_order) {
  first_.add = "X-First";
  second_.add = "X-Second";
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_LT(peer_->outbound.find("X-First: seen"), peer_->outbound.find("X-Second: seen"));
  EXPECT_LT(client_->outbound.find("X-First: seen"), client_->outbound.find("X-Second: seen"));
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nok"));
  EXPECT_EQ(first_.ends, 1);
}

TEST_F(Filters, may_answer_before_a_peer_is_picked) {
  first_.request = Verdict::kAnswer;
  tell(*client_, kGet);
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_EQ(second_.requests, 0);
}

TEST_F(Filters, may_replace_the_answer_of_the_peer) {
  second_.response = Verdict::kAnswer;
  second_.status = 502;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(client_->outbound.find("secret"), std::string::npos);
}

TEST_F(Filters, hold_a_request_until_resumed) {
  first_.request = Verdict::kSuspend;
  tell(*client_, kGet);
  world_.turn();
  EXPECT_TRUE(world_.connecting.empty());
  ASSERT_EQ(first_.resumes.size(), 1U);
  first_.resumes[0]();
  EXPECT_EQ(first_.requests, 2) << "the same hook is called again";
  EXPECT_EQ(second_.requests, 1);
  answer("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 204 "));
}

TEST_F(Filters, hold_a_response_with_its_begun_body) {
  second_.response = Verdict::kSuspend;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  answer("3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_TRUE(client_->outbound.empty());
  ASSERT_EQ(second_.resumes.size(), 1U);
  second_.resumes[0]();
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 200 "));
  EXPECT_NE(client_->outbound.find("6\r\nonetwo\r\n0\r\n\r\n"), std::string::npos) << client_->outbound;
}

TEST_F(Filters, rewrite_a_body) {
  first_.upper_case = true;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  answer("def");
  EXPECT_TRUE(client_->outbound.ends_with("\r\n\r\nABCDEF")) << client_->outbound;
}

TEST_F(Filters, a_late_resume_is_harmless) {
  first_.request = Verdict::kSuspend;
  tell(*client_, kGet);
  client_->fail(-ECONNRESET);  // the client leaves while the filter thinks
  world_.turn();
  EXPECT_EQ(world_.core->sessions(), 0U);
  first_.resumes[0]();
  auto other = world_.accept(kListen);
  tell(*other, kGet);  // the exchange lives again, as somebody else's
  first_.resumes[0]();
  EXPECT_EQ(first_.requests, 2);
}

TEST_F(Filters, peer_failure_during_a_hold_is_a_failed_try) {
  first_.response = Verdict::kSuspend;
  tell(*client_, kGet);
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  peer_->inbound_fin = true;
  while (peer_->deliver()) {
  }
  first_.resumes[0]();
  EXPECT_TRUE(client_->outbound.starts_with("HTTP/1.1 502 ")) << client_->outbound;
}

}  // namespace
}  // namespace weir::proxy
