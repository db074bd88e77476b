// What locations with metrics, status and stub_status answer: workers ask, control knows.
#pragma once
#include <memory>
#include <string>

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
  // All questions of one turn of the loop get the same.
  std::shared_ptr<const std::string> metrics();
  void ask_status(const proxy::MonitorQuestion& question, const proxy::MonitorAnswer& answer);

  runtime::Runtime& runtime_;
  AdminApi& api_;
  const std::shared_ptr<std::shared_ptr<const std::string>> metrics_ =
      std::make_shared<std::shared_ptr<const std::string>>();
};

}  // namespace weir::admin
