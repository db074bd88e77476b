// A content that is not the proxy's: what the exchange asks of it, and what it may do.
#include "proxy/content.h"

#include "proxy/exchange.h"
#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

// Answers with "late" when the test says so.
class LateContent final : public Content, public ContentHandler {
 public:
  void begin(Exchange& exchange) const override {
    exchange_ = &exchange;
    exchange.run(const_cast<LateContent&>(*this));
  }
  bool takes_body() const override { return true; }
  void on_request_body(std::string_view) override {}
  void resume() override { ++resumes; }
  bool wants_request_body() override { return false; }
  void resume_response(const Chain&) override { send(); }
  void abort(ErrorKind) override { ++aborts; }
  void end() override { ++ends; }

  void answer() {
    head_.clear();
    head_.status = 200;
    head_.framing = http::Framing::kLength;
    head_.content_length = 4;
    exchange_->begin_response(head_);
    if (!exchange_->is_response_held()) send();
  }

  int resumes = 0, aborts = 0, ends = 0;

 private:
  void send() {
    http::OutResponse out;
    exchange_->compose_response_head(head_, out);
    exchange_->responder().body.add("late");
    exchange_->send_response(&out, true);
    exchange_->finish(ErrorKind::kNone);
  }

  mutable Exchange* exchange_ = nullptr;
  http::ResponseHead head_;
};

// Holds the head of a response until the test lets it go on.
class Holding final : public filter::Filter {
 public:
  filter::Verdict on_response(filter::Context& context, http::ResponseHead&) const override {
    if (held++ > 0) return filter::Verdict::kContinue;
    resume = context.resume;
    return filter::Verdict::kSuspend;
  }
  mutable int held = 0;
  mutable filter::Resume resume;
};

class ContentTest : public Rig {
 protected:
  void serve_late(const std::shared_ptr<const filter::Filter>& filter = nullptr) {
    sim::SiteMaker maker(shared_, ++generation_);
    Location& location = maker.location("/");
    if (filter != nullptr) add_filter(location, filter);
    const std::shared_ptr<const Site> site = maker.make({kListen});
    site->servers[0]->locations[0]->content = content_;
    world_.core->adopt(site);
    connect();
  }
  std::shared_ptr<LateContent> content_ = std::make_shared<LateContent>();
};

TEST_F(ContentTest, late_answer_reaches_the_client) {
  serve_late();
  ask(kGet);
  EXPECT_EQ(answered(), "");
  content_->answer();
  EXPECT_TRUE(has(answered(), "\r\n\r\nlate"));
  EXPECT_EQ(content_->ends, 1);
  EXPECT_EQ(content_->aborts, 0);
  ask(kGet);
  content_->answer();
  EXPECT_TRUE(has(answered(), "\r\n\r\nlate"));
}

TEST_F(ContentTest, response_that_a_filter_held_goes_on) {
  const auto holding = std::make_shared<Holding>();
  serve_late(holding);
  ask(kGet);
  content_->answer();
  EXPECT_EQ(answered(), "");
  holding->resume();
  EXPECT_TRUE(has(answered(), "\r\n\r\nlate"));
  EXPECT_EQ(content_->ends, 1);
}

TEST_F(ContentTest, reset_of_the_client_aborts_it_once) {
  serve_late();
  ask(kGet);
  client_->inbound_error = -ECONNRESET;
  client_->deliver();
  EXPECT_EQ(content_->aborts, 1);
  EXPECT_EQ(content_->ends, 1);
  EXPECT_TRUE(client_->closed);
}

TEST_F(ContentTest, body_is_whole_when_it_begins) {
  serve_late();
  ask("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(content_->resumes, 0);
  ask("0\r\n\r\n");
  content_->answer();
  EXPECT_TRUE(has(answered(), "\r\n\r\nlate"));
}

}  // namespace
}  // namespace weir::proxy
