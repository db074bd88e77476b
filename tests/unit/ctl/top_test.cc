// The picture of `weir top`.
#include "ctl/top.h"

#include <gmock/gmock.h>

namespace weir::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kLive = R"({"schema":1,"interval_ms":2000,"points":4,
  "status":{"version":"1.2","uptime_ms":7200000,"workers":2,"pid":7,"generation":3,"reloads":{"ok":false},"shutting_down":false},
  "clients":{"connections_limit":1000,"retries":5},
  "upstreams":[{"name":"app","inflight":3,"queue":{"waiting":2},"peers":[
    {"address":"10.0.0.1:80","state":"up","detail":"","inflight":1,"failures":0},
    {"address":"10.0.0.2:80","state":"unhealthy","detail":"status 503","inflight":2,"failures":12000}]}],
  "history":{"all":{"requests":[0,1,2,4]}},
  "sample":{"all":[200,4,1500,25000,12],"upstreams":[[200,4,1500,25000,3]],"peers":[[200,0,1500,25000,1],[0,4,0,0,2]]},
  "events":[{"at_ms":0,"tone":"bad","object":"peer app/10.0.0.2:80","text":"unhealthy (status 503), was up"}]})";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    lines.push_back(text.substr(at, end - at));
  return lines;
}

TEST(TopText, shows_rates_and_reasons) {
  const std::string text = top_text(kLive, {});
  EXPECT_THAT(text, HasSubstr("weir 1.2  up 2 h  2 workers"));
  EXPECT_THAT(text, HasSubstr("last reload refused"));
  EXPECT_THAT(text, HasSubstr("requests 100/s  5xx 2.0 %  p50 1.5 ms  p99 25 ms  connections 12/1000"));
  EXPECT_THAT(text, HasSubstr("app  1 of 2 up  100 requests/s"));
  EXPECT_THAT(text, HasSubstr("2 queued"));
  EXPECT_THAT(text, HasSubstr("12.0k status 503"));
  EXPECT_THAT(text, HasSubstr("peer app/10.0.0.2:80: unhealthy (status 503), was up"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b"))) << "no colours were asked for";
  EXPECT_THAT(lines_of(text)[2], HasSubstr("█"));
}

TEST(TopText, peers_that_are_out_come_first) {
  const std::string text = top_text(kLive, {});
  EXPECT_LT(text.find("10.0.0.2:80"), text.find("10.0.0.1:80"));
  const std::string busy = top_text(kLive, {.order = TopScreen::Order::kRequests});
  EXPECT_GT(busy.find("10.0.0.2:80"), busy.find("10.0.0.1:80"));
  EXPECT_THAT(top_text(kLive, {.only_out = true}), Not(HasSubstr("10.0.0.1:80")));
}

TEST(TopText, fits_its_screen) {
  for (const size_t height : {4u, 7u, 9u}) {
    const auto lines = lines_of(top_text(kLive, {.width = 40, .height = height}));
    EXPECT_LE(lines.size(), height);
    for (const std::string& line : lines) {
      size_t characters = 0;
      for (const char c : line) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
      EXPECT_LE(characters, 40u) << line;
    }
  }
  EXPECT_THAT(top_text(kLive, {.width = 100, .height = 6, .scrolled = 100}), HasSubstr("was up"))
      << "the end is reached";
}

TEST(TopText, does_not_fail_on_other_json) {
  for (const char* text :
       {"", "[]", "{}", "null", R"({"upstreams":[1,{"peers":[2,{}]}],"sample":{"peers":7},"events":[3]})"})
    EXPECT_THAT(top_text(text, {}), HasSubstr("weir")) << text;
}

TEST(TopText, control_characters_of_names_are_not_written) {
  EXPECT_THAT(top_text(R"({"upstreams":[{"name":"a\u001b[2Jb","peers":[]}]})", {}), HasSubstr("a?[2Jb"));
}

}  // namespace
}  // namespace weir::ctl
