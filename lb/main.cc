// weir: the command line, then the server.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/memory.h"
#include "base/system.h"
#include "ctl/ctl.h"
#include "ctl/diff.h"
#include "ctl/explain.h"
#include "ctl/reload.h"
#include "ctl/signal.h"
#include "ctl/top.h"
#include "ctl/upgrade.h"
#include "process/options.h"
#include "process/standard_streams.h"
#include "server/commands.h"
#include "server/startup.h"

#ifdef __SANITIZE_THREAD__
// libuv closes descriptors by a raw system call that the thread sanitizer does not see: the next thread that is given
// the number seems to race with its last owner.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:interceptor_close$\nrace:interceptor_dup$\nrace:interceptor_accept4$\nrace:interceptor_socket$\n"
         "race:interceptor_open$\nrace:interceptor_open64$\nrace:interceptor_pipe2$\nrace:interceptor_eventfd$\n"
         "race:interceptor_epoll_create1$\n";
}
#endif

namespace {

using weir::process::Command;
using weir::process::CommandLine;

int run(const CommandLine& line) {
  switch (line.command) {
    case Command::kHelp: std::fputs(line.help.c_str(), stdout); return 0;
    case Command::kVersion: return weir::server::print_version(false);
    case Command::kVersionAndBuild: return weir::server::print_version(true);
    case Command::kConvert: return weir::server::convert(line);
    case Command::kSignal: return weir::ctl::send_signal(line);
    case Command::kExplain: return line.explain.running ? weir::ctl::explain(line) : weir::server::explain(line);
    case Command::kManual: return weir::server::manual(line);
    case Command::kInit: return weir::server::init(line);
    case Command::kUpgrade: return weir::ctl::upgrade(line);
    case Command::kReload: return weir::ctl::reload(line);
    case Command::kDiff: return weir::ctl::diff(line);
    case Command::kTop: return weir::ctl::top(line);
    case Command::kCtl: return weir::ctl::ctl(line);
    case Command::kTest:
    case Command::kDump: return weir::server::test_config(line);
    case Command::kRun: break;
  }
  weir::prepare_heap();
  return weir::server::serve(line);
}

// What is printed is all that these are for; the exit status of others is about what they have changed.
bool prints_only(const CommandLine& line) {
  using weir::process::CtlVerb;
  switch (line.command) {
    case Command::kHelp:
    case Command::kConvert:
    case Command::kExplain:
    case Command::kManual:
    case Command::kDiff:
    case Command::kTop:
    case Command::kDump: return true;
    case Command::kCtl:
      return line.ctl.verb == CtlVerb::kList || line.ctl.verb == CtlVerb::kStatus || line.ctl.verb == CtlVerb::kMetrics;
    default: return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  weir::process::open_standard_streams();
  const auto parsed = weir::process::parse_command_line(argc, argv);
  if (!parsed) {
    std::fprintf(stderr, "%s\n", parsed.error().text.c_str());
    return parsed.error().exit_status;
  }
  CommandLine line = *parsed;
  line.invocation = weir::process::take_invocation(argc, argv);
  if (!line.prefix.empty() && ::chdir(line.prefix.c_str()) != 0) {
    std::fprintf(stderr, "weir: [emerg] %s\n", weir::call_failed("chdir(\"" + line.prefix + "\")", errno).c_str());
    return 1;
  }
  const int status = run(line);
  if (!prints_only(line) || weir::process::is_all_printed()) return status;
  return line.command == Command::kDiff ? weir::ctl::kNotCompared : std::max(status, 1);
}
