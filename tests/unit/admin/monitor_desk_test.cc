// What workers ask control for.
#include "admin/monitor_desk.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"
#include "unit/admin/fixture.h"

namespace weir::admin {
namespace {

class MonitorDeskTest : public AdminFixture {};

TEST_F(MonitorDeskTest, nothing_is_rendered_for_clients_that_left) {
  start("upstream u { server 127.0.0.1:1; }");
  AdminApi api(*runtime_, *reload_);
  MonitorDesk desk(*runtime_, api);
  int answers = 0;
  for (const auto page : {proxy::MonitorPage::kMetrics, proxy::MonitorPage::kStatus, proxy::MonitorPage::kStubStatus}) {
    proxy::MonitorQuestion question;
    question.page = page;
    question.query = "json";
    desk.ask(question, [&](const proxy::MonitorReply& reply) { return ++answers, reply.body != nullptr; });
  }
  EXPECT_EQ(answers, 3);
  for (const auto page : {proxy::MonitorPage::kMetrics, proxy::MonitorPage::kStatus, proxy::MonitorPage::kStubStatus}) {
    proxy::MonitorQuestion question;
    question.page = page;
    *question.wanted = false;
    desk.ask(question, [&](const proxy::MonitorReply&) { return ++answers, true; });
  }
  EXPECT_EQ(answers, 3);
}

TEST_F(MonitorDeskTest, metrics_are_rendered_once_a_turn) {
  start("upstream u { server 127.0.0.1:1; }");
  AdminApi api(*runtime_, *reload_);
  MonitorDesk desk(*runtime_, api);
  std::vector<std::shared_ptr<const std::string>> pages;
  const auto ask = [&] {
    desk.ask({}, [&](const proxy::MonitorReply& reply) { return pages.push_back(reply.body), true; });
  };
  ask();
  ask();
  runtime_->loop.turn(false);
  ask();
  ASSERT_EQ(pages.size(), 3U);
  EXPECT_EQ(pages[0], pages[1]);
  EXPECT_NE(pages[1], pages[2]);
}

}  // namespace
}  // namespace weir::admin
