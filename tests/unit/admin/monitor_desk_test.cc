// What workers ask control for.
#include "admin/monitor_desk.h"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace weir::admin
