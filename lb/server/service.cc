// Lines for `systemctl status`.
#include "server/service.h"

#include <algorithm>

#include "admin/peers.h"
#include "admin/totals.h"

namespace weir::server {
namespace {

std::string counted(uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

void Service::start() {
  if (!supervisor_.is_there()) return;
  counted_at_ = runtime_.loop.now();
  supervisor_.ready(status());
  runtime_.loop.arm(next_, runtime_.loop.now() + kEvery.count());
}

void Service::reloading() {
  supervisor_.reloading();
}

void Service::reloaded() {
  if (supervisor_.is_there()) supervisor_.ready(status());
}

void Service::stopping(const char* how) {
  next_.cancel();
  supervisor_.stopping(how);
}

void Service::on_deadline(Deadline&) {
  supervisor_.status(status());
  runtime_.loop.arm(next_, runtime_.loop.now() + kEvery.count());
}

// "2 of 3 peers up, 1234 requests/s, 56 connections; last reload failed".
std::string Service::status() {
  const admin::AdminTotals totals(runtime_);
  const uint64_t requests = totals.get(observe::Counter::kRequests);
  const MonoMs now = runtime_.loop.now();
  const auto passed = static_cast<uint64_t>(std::max<MonoMs>(now - counted_at_, 1));
  const uint64_t rate = (requests - requests_) * 1000 / passed;
  if (passed >= 1000) {
    requests_ = requests;
    counted_at_ = now;
  }
  const admin::PeerOverview overview(runtime_);
  const auto up = std::count_if(overview.all().begin(), overview.all().end(),
                                [](const admin::PeerView& view) { return view.takes_requests(); });
  std::string text = std::to_string(up) + " of " + counted(overview.all().size(), "peer") + " up, " +
                     std::to_string(rate) + " requests/s, " + counted(totals.connections(), "connection");
  if (!runtime_.reloads.ok) text += "; the last reload failed, the configuration before is in force";
  return text;
}

}  // namespace weir::server
