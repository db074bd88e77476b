// What locations with metrics, status and stub_status answer: workers ask, control knows.
#pragma once
#include "proxy/monitor.h"

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

class AdminApi;

// Control thread only.
class MonitorDesk final : public proxy::MonitorDesk {
 public:
  MonitorDesk(runtime::Runtime& runtime, AdminApi& api) : runtime_(runtime), api_(api) {}
  void ask(proxy::MonitorQuestion question, proxy::MonitorAnswer answer) override;

 private:
  void ask_status(const proxy::MonitorQuestion& question, const proxy::MonitorAnswer& answer);

  runtime::Runtime& runtime_;
  AdminApi& api_;
};

}  // namespace weir::admin
