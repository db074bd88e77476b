// What each signal means: nginx's meanings.
#include "server/control.h"

#include <csignal>

#include "base/log.h"

namespace weir::server {

Control::Control(Runtime& runtime)
    : runtime_(runtime),
      reload_(runtime),
      signals_(runtime.loop, {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2},
               [this](int number) { on_signal(number); }) {}

void Control::run() {
  runtime_.loop.run();
  reload_.cancel();
  runtime_.workers.stop();
  runtime_.sockets.close_all();
  runtime_.log_writer.flush();
}

void Control::on_signal(int number) {
  switch (number) {
    case SIGTERM: return stop("SIGTERM");
    case SIGINT: return stop("SIGINT");
    case SIGQUIT: return quit();
    case SIGUSR1: return reopen_logs();
    case SIGHUP:
      if (quitting_)
        log::notice("SIGHUP: shutting down already, no reload");
      else
        reload_.request();
      return;
    default: log::notice("signal ", number, " means nothing to weir"); return;
  }
}

void Control::stop(const char* why) {
  log::notice(why, ": stopping");
  runtime_.loop.stop();
}

void Control::quit() {
  if (quitting_) return;
  quitting_ = true;
  log::notice("SIGQUIT: shutting down, connections may finish");
  reload_.cancel();
  runtime_.workers.drain(runtime_.model->main.shutdown_timeout, [this] {
    log::notice("all connections are closed");
    runtime_.loop.stop();
  });
}

// Workers hand over first what they hold, so that a line written before the signal is in the old file.
void Control::reopen_logs() {
  runtime_.workers.flush_logs([this] {
    runtime_.log_writer.flush();
    const Status<> access = runtime_.log_writer.reopen();
    const Status<> errors = log::reopen();
    log::notice("logs reopened");
    if (!access) log::error("an access log was not reopened: ", access.error());
    if (!errors) log::error("an error log was not reopened: ", errors.error());
  });
}

}  // namespace weir::server
