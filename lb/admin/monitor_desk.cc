#include "admin/monitor_desk.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "admin/api.h"
#include "admin/metrics_page.h"
#include "admin/status_page.h"
#include "admin/stub_status.h"
#include "base/bytes.h"
#include "observe/exposition.h"
#include "runtime/runtime.h"

namespace weir::admin {
namespace {

constexpr std::string_view kHistory = "history=";

proxy::MonitorReply reply_of(std::string_view type, std::string body, int status = 200) {
  return {.status = status, .type = type, .body = std::make_shared<const std::string>(std::move(body))};
}

}  // namespace

void MonitorDesk::ask(proxy::MonitorQuestion question, proxy::MonitorAnswer answer) {
  // A burst of questions waits for its turn, and who asked may have left.
  if (!question.wanted->load(std::memory_order_relaxed)) return;
  switch (question.page) {
    case proxy::MonitorPage::kMetrics: answer({.type = observe::kExpositionType, .body = metrics()}); return;
    case proxy::MonitorPage::kStubStatus: answer(reply_of("text/plain", stub_status(runtime_))); return;
    case proxy::MonitorPage::kStatus: ask_status(question, answer); return;
  }
}

// What is posted now runs behind the questions that wait already.
std::shared_ptr<const std::string> MonitorDesk::metrics() {
  if (*metrics_ == nullptr) {
    *metrics_ = std::make_shared<const std::string>(metrics_page(runtime_, api_.started_us()));
    runtime_.loop.post([metrics = metrics_] { metrics->reset(); });
  }
  return *metrics_;
}

void MonitorDesk::ask_status(const proxy::MonitorQuestion& question, const proxy::MonitorAnswer& answer) {
  LiveView& live = api_.live_view();
  const std::string_view query = question.query;
  if (query.empty()) {
    answer({.type = "text/html; charset=utf-8", .policy = status_page_policy(), .body = status_page()});
  } else if (query == "json") {
    answer(reply_of("application/json", live.json()));
  } else if (query.starts_with(kHistory)) {
    const std::optional<std::string> upstream = percent_decoded(query.substr(kHistory.size()));
    std::string found = upstream ? live.history_json(*upstream) : "null\n";
    const int status = found == "null\n" ? 404 : 200;
    answer(reply_of("application/json", std::move(found), status));
  } else if (query == "events") {
    if (!live.subscribe(answer, question.wanted)) answer(reply_of("text/plain", "too many streams are open\n", 503));
  } else {
    answer(reply_of("text/plain", "there is \"?json\", \"?history=UPSTREAM\" and \"?events\"\n", 404));
  }
}

}  // namespace weir::admin
