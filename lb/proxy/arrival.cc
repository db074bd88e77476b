#include "proxy/arrival.h"

#include <algorithm>

#include "base/log.h"
#include "proxy/core.h"

namespace weir::proxy {
namespace {

constexpr size_t kMostUnread = 128 * 1024;  // bytes that a step may leave while it asks for more
constexpr MonoMs kDrainGrace = 1'000;       // for a client that crosses with our goodbye

}  // namespace

Arrival::Arrival(Core& core, EpochRef epoch, const ListenSite& listen, std::unique_ptr<io::Transport> transport,
                 ConnectionInfo info, uint16_t listener)
    : core_(core),
      epoch_(std::move(epoch)),
      listen_(listen),
      connection_{std::move(transport), {}, {}, info.remote, &core},
      info_(std::move(info)),
      progress_(listen.arrival.front()->begin()),
      since_(core.loop().now()),
      listener_(listener) {}

Arrival::~Arrival() = default;

void Arrival::start() {
  connection_.transport->set_handler(this);
  connection_.transport->want_read(true);
  const MonoMs most = listen_.default_server->settings.header_timeout.count();
  const MonoMs own = listen_.arrival_timeout.count();
  core_.loop().arm(deadline_, since_ + (own > 0 ? std::min(own, most) : most));
  take_steps();
}

void Arrival::drain() {
  if (connection_.transport != nullptr)
    core_.loop().arm(deadline_, std::min(deadline_.due(), core_.loop().now() + kDrainGrace));
}

void Arrival::on_read(std::string_view bytes) {
  stop_waiting();
  connection_.unread.append(bytes);
  if (!turn_.linked())
    take_steps();
  else
    check_unread();
}

void Arrival::stop_waiting() {
  if (!is_silent_) return;
  is_silent_ = false;
  core_.arrival_speaks(*this);
}

void Arrival::take_steps() {
  while (!connection_.unread.empty() || !listen_.arrival[step_]->waits_for_bytes()) {
    switch (progress_->on_bytes(connection_)) {
      case ArrivalStep::Verdict::kMore: check_unread(); return;
      case ArrivalStep::Verdict::kWaits: core_.wait_for_turn(turn_); return;
      case ArrivalStep::Verdict::kRefused: refuse(progress_->why()); return;
      case ArrivalStep::Verdict::kDone: break;
    }
    if (++step_ == listen_.arrival.size()) {
      deadline_.cancel();
      info_.details = std::make_unique<const ConnectionDetails>(connection_.details);
      epoch_.reset();  // the grave may outlive the Core
      core_.arrival_done(*this, std::move(connection_.transport), std::move(info_), listener_, connection_.unread);
      return;
    }
    connection_.transport->set_handler(this);
    progress_ = listen_.arrival[step_]->begin();
  }
}

void Arrival::check_unread() {
  if (connection_.unread.size() > kMostUnread) refuse("more than 128 KB before the first request");
}

void Arrival::refuse(std::string_view why) {
  LogLimit& limit = listen_.log->refused;
  if (log::enabled(LogLevel::kInfo) && limit.pass(core_.loop().now()))
    log::info("connection ", info_.number, ": closed before its first request (", why, "), client ",
              info_.remote.to_string(), limit.dropped());
  close();
}

void Arrival::close() {
  if (connection_.transport == nullptr) return;
  deadline_.cancel();
  turn_.unlink();
  connection_.transport->close();
  progress_.reset();
  epoch_.reset();  // the grave may outlive the Core
  core_.arrival_ended(*this);
}

}  // namespace weir::proxy
