// metrics, status, stub_status: locations that answer for weir itself.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

using proxy::MonitorPage;

void take_page(Call& call, MonitorPage page) {
  proxy::Location& location = call.scope.level->location;
  const std::string name = "\"" + call.directive.name + "\"";
  if (location.monitor) call.error(name + " and another page of weir's cannot both answer in one location");
  if (location.pass) call.error(name + " and \"proxy_pass\" cannot both answer in one location");
  if (location.healthz) call.error(name + " and \"healthz\" cannot both answer in one location");
  if (location.returns) call.warning(name + " is without effect beside \"return\", which answers before it");
  location.monitor = page;
}

// Names of peers, their load and the operator's words are nobody's business.
void warn_of_strangers(Call& call) {
  const proxy::Location& location = call.scope.level->location;
  if (location.access.rules.empty() && !location.auth_basic.is_on() && location.auth_request.uri.empty())
    call.warning("\"" + call.directive.name + "\" is shown to every client: add \"allow\" and \"deny all\", or " +
                 "\"auth_basic\"");
}

template <MonitorPage page>
void apply_page(Call& call) {
  if (call.count() == 1 && call.arg(0) != "on") return call.invalid(0, "on");  // nginx takes any word, "off" too
  take_page(call, page);
  if (page != MonitorPage::kStubStatus) warn_of_strangers(call);
}

template <MonitorPage page>
std::vector<std::string> show_page(const Scope& scope) {
  return scope.level->location.monitor == page ? std::vector<std::string>{""} : std::vector<std::string>{};
}

const Row kRows[] = {
    {
        .name = "metrics",
        .contexts = kLocation,
        .kind = {.least_args = 0,
                 .most_args = 0,
                 .apply = apply_page<MonitorPage::kMetrics>,
                 .show = show_page<MonitorPage::kMetrics>},
        .help =
            "Answers with the metrics of weir in Prometheus' text format, the page of `weir ctl metrics`. Readers are "
            "chosen by allow, deny or auth_basic.",
        .turn = Turn::kReaders,
    },
    {
        .name = "status",
        .contexts = kLocation,
        .kind = {.least_args = 0,
                 .most_args = 0,
                 .apply = apply_page<MonitorPage::kStatus>,
                 .show = show_page<MonitorPage::kStatus>},
        .help = "Answers with a live page of upstreams, peers, checks, certificates and events, with the last 15 "
                "minutes; \"?json\" has the same as JSON, \"?events\" as a stream. It changes nothing. Readers are "
                "chosen by allow, deny or auth_basic.",
        .turn = Turn::kReaders,
    },
    {
        .name = "stub_status",
        .contexts = kServer | kLocation,
        .kind = {.form = "[on]",
                 .least_args = 0,
                 .most_args = 1,
                 .apply = apply_page<MonitorPage::kStubStatus>,
                 .show = show_page<MonitorPage::kStubStatus>},
        .help = "Answers with counts of connections and requests, line for line as nginx does.",
        .turn = Turn::kReaders,
    },
};

}  // namespace

std::span<const Row> monitor_rows() {
  return kRows;
}

}  // namespace weir::config
