// What the live view says, without a socket: control's loop is turned by the test.
#include "admin/live_view.h"

#include <gmock/gmock.h>

#include "admin/changes.h"
#include "admin/status_page.h"
#include "unit/admin/fixture.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class LiveViewTest : public AdminFixture {
 protected:
  void begin(const std::string& http) {
    start(http);
    changes_ = std::make_unique<AdminChanges>(*runtime_, *reload_);
    live_ = std::make_unique<LiveView>(*runtime_, *changes_, 1'700'000'000'000'000);
    now_ = runtime_->loop.now();
  }
  ~LiveViewTest() override { live_.reset(); }
  Json json() { return Json::parse(live_->json()); }
  // A reader of events; what it was sent is added up.
  struct Reader {
    std::string text;
    bool ended = false;
    std::shared_ptr<std::atomic<bool>> wanted = std::make_shared<std::atomic<bool>>(true);
  };
  bool read(Reader& reader) {
    return live_->subscribe(
        [&reader](const proxy::MonitorReply& reply) {
          if (reply.body != nullptr) reader.text += *reply.body;
          reader.ended = reply.is_last;
          return true;
        },
        reader.wanted);
  }
  void look() { live_->look(now_); }
  // One look that makes points.
  void look_for_points() { live_->look(now_ += History::kIntervalMs); }

  MonoMs now_ = 0;
  std::unique_ptr<AdminChanges> changes_;
  std::unique_ptr<LiveView> live_;
};

constexpr const char* kUpstream =
    "upstream u { server 127.0.0.1:1; server 127.0.0.1:2 weight=4; } upstream v { server 127.0.0.1:3; }";

TEST_F(LiveViewTest, json_has_all_parts_of_schema_one) {
  begin(kUpstream);
  const Json all = json();
  EXPECT_EQ(all["schema"], 1);
  EXPECT_EQ(all["interval_ms"], 3000);
  EXPECT_EQ(all["points"], 300);
  for (const char* part : {"status", "upstreams", "certificates", "clients", "retries", "loops", "listeners", "events",
                           "history", "sample", "now_ms"})
    EXPECT_TRUE(all.contains(part)) << part;
  ASSERT_EQ(all["upstreams"].size(), 2u);
  EXPECT_EQ(all["upstreams"][0]["peers"][1]["address"], "127.0.0.1:2");
  EXPECT_EQ(all["upstreams"][0]["peers"][1]["weight"], 4);
  EXPECT_EQ(all["history"]["upstreams"].size(), 2u);
  EXPECT_EQ(all["sample"]["peers"].size(), 3u);
  EXPECT_EQ(all["sample"]["peers"][0].size(), 5u);
}

TEST_F(LiveViewTest, points_count_requests_of_peers) {
  begin(kUpstream);
  (void)json();
  policy::PeerState& state = state_of("u", 1);
  state.stats.requests = 30;
  state.stats.responses[4] = 2;
  for (int i = 0; i < 30; ++i) {
    state.times.of(0).header.add(4096);
    runtime_->site->clusters[0].times->of(0).header.add(4096);
  }
  look_for_points();
  const Json all = json();
  EXPECT_EQ(all["sample"]["peers"][1][0], 30);
  EXPECT_EQ(all["sample"]["peers"][1][1], 2);
  EXPECT_NEAR(all["sample"]["peers"][1][3].get<double>(), 4096, 512);
  EXPECT_EQ(all["sample"]["upstreams"][0][0], 30);
  EXPECT_NEAR(all["sample"]["upstreams"][0][2].get<double>(), 4096, 512);
  EXPECT_EQ(all["sample"]["upstreams"][1][0], 0);
  const Json history = Json::parse(live_->history_json("u"));
  EXPECT_EQ(history["peers"].size(), 2u);
  EXPECT_EQ(history["peers"]["127.0.0.1:2"]["requests"].back(), 30);
  EXPECT_EQ(live_->history_json("nobody"), "null\n");
}

TEST_F(LiveViewTest, changes_are_events) {
  begin(kUpstream);
  look();
  EXPECT_TRUE(json()["events"].empty()) << "how it was at first is no event";
  Reader reader;
  ASSERT_TRUE(read(reader));
  EXPECT_EQ(reader.text, "retry: 1000\n\n");
  state_of("u").check_down = true;
  look();
  const Json events = json()["events"];
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["object"], "peer u/127.0.0.1:1");
  EXPECT_EQ(events[0]["tone"], "bad");
  EXPECT_THAT(events[0]["text"].get<std::string>(), HasSubstr("unhealthy"));
  EXPECT_THAT(reader.text, HasSubstr("event: change\ndata: {\"events\":[{\"number\":1,"));
  EXPECT_THAT(reader.text, HasSubstr("\"peers\":[[0,\"unhealthy\""));
  state_of("u").check_down = false;
  look();
  EXPECT_EQ(json()["events"][1]["text"], "up, was unhealthy");
  state_of("u").stats.ejections = 3;
  look();
  EXPECT_EQ(json()["events"][2]["text"], "ejected again") << "out and back between two looks";
}

TEST_F(LiveViewTest, reloads_are_events_and_end_streams) {
  begin(kUpstream);
  look();
  live_->start();
  turn_until([this] { return runtime_->loop.armed() > 0; });
  Reader reader;
  ASSERT_TRUE(read(reader));
  write("upstream u { server 127.0.0.1:1; }");
  bool told = false;
  reload_->request([&told](const auto& errors) { told = errors.empty(); });
  turn_until([&told] { return told; });
  turn_until([&] { return reader.ended; });
  EXPECT_EQ(live_->streams(), 0u);
  look();
  std::string texts;
  const Json all = json();
  for (const Json& event : all["events"])
    texts += event["object"].get<std::string>() + " " + event["text"].get<std::string>() + "\n";
  EXPECT_THAT(texts, HasSubstr("configuration reloaded"));
  EXPECT_THAT(texts, HasSubstr("peer v/127.0.0.1:3 removed"));
  live_->stop();
}

TEST_F(LiveViewTest, streams_are_bounded_and_forgotten) {
  begin(kUpstream);
  std::vector<Reader> readers(LiveView::kMostStreams);
  for (Reader& reader : readers) ASSERT_TRUE(read(reader));
  Reader late;
  EXPECT_FALSE(read(late));
  readers.front().wanted->store(false);
  EXPECT_TRUE(read(late)) << "whose client has gone makes room";
  EXPECT_EQ(live_->streams(), LiveView::kMostStreams);
  live_->stop();
  EXPECT_TRUE(readers.back().ended);
  EXPECT_EQ(live_->streams(), 0u);
}

TEST_F(LiveViewTest, thousand_peers_have_short_histories) {
  std::string servers;
  for (int i = 1; i <= 1000; ++i) servers += "server 127.0.0.1:" + std::to_string(i) + ";";
  begin("upstream big { " + servers + " }");
  (void)json();
  look_for_points();
  EXPECT_EQ(json()["sample"]["peers"].size(), 1000u);
  const Json history = Json::parse(live_->history_json("big"));
  EXPECT_EQ(history["points"], 60);
  EXPECT_EQ(history["peers"].size(), 1000u);
}

TEST_F(LiveViewTest, names_of_bytes_do_not_break_json) {
  begin("upstream \"u\xff\\\"<script>\" { server 127.0.0.1:1; }");
  EXPECT_THAT(json()["upstreams"][0]["name"].get<std::string>(), HasSubstr("<script>"));
}

TEST(StatusPage, has_no_outside_resource) {
  const std::string& page = *status_page();
  for (const char* outside : {"http://", "https://", "src=", "@import", "url("}) {
    std::string text = page;
    for (size_t at; (at = text.find("http://www.w3.org/2000/svg")) != std::string::npos;) text.erase(at, 26);
    EXPECT_THAT(text, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(page, Not(HasSubstr(" style="))) << "the policy forbids it";
  EXPECT_THAT(page, Not(HasSubstr("onclick=\"")));
  EXPECT_THAT(page, Not(HasSubstr("innerHTML"))) << "names are text";
}

TEST(StatusPage, policy_lets_only_its_own_script_run) {
  const std::string policy(status_page_policy());
  EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

}  // namespace
}  // namespace weir::admin
