// The command line: nginx's letters, long names beside them, and commands: `init`, `convert`, `reload`, `upgrade`,
// `diff`, `top`, `ctl`.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "process/ctl_line.h"
#include "process/successor.h"

namespace weir::process {

inline constexpr const char* kDefaultConfig = "/etc/weir/weir.conf";

enum class Command : uint8_t {
  kRun,
  kTest,
  kDump,
  kSignal,
  kVersion,
  kVersionAndBuild,
  kHelp,
  kConvert,
  kCtl,
  kReload,
  kDiff,
  kManual,
  kExplain,
  kInit,
  kUpgrade,
  kTop
};

// Of `weir explain`.
struct ExplainLine {
  std::string url;
  std::string client = "127.0.0.1";
  std::string method = "GET";
  std::vector<std::string> headers, cookies;  // "Name: value", "name=value"
  bool running = false;                       // by the weir that serves, not by the file
};

// Of `weir init`.
struct InitLine {
  std::vector<std::string> nodes;     // HOST[:PORT]
  std::vector<std::string> nocobase;  // likewise, of NocoBase: instead of nodes
  std::string tls;                    // the name that clients reach it by TLS under; empty: without
};

// Of `weir upgrade`.
struct UpgradeLine {
  std::string binary;  // empty: the one that the running weir was started from
  Millis within{60'000};
};

struct CommandLine {
  Command command = Command::kRun;
  std::string config = kDefaultConfig;
  std::string prefix;           // -p: the directory that relative paths start from; empty: the current one
  std::string globals;          // -g: directives before those of the file
  std::string error_log;        // -e: where errors go until the configuration says so
  bool effective = false;       // --effective: -T prints every setting, inherited and by default
  bool quiet = false;           // -q: -t says nothing but errors
  bool start_at_first = false;  // --start-at-first: round robin begins at the first server
  std::string signal;           // -s: stop, quit, reopen or reload
  std::string convert_file;
  std::string convert_to;  // "yaml" or "nginx"; empty: the other syntax
  ExplainLine explain;
  InitLine init;
  std::string manual_of;     // `manual`: one directive; empty: all
  bool as_man_page = false;  // likewise, as troff
  std::string diff_against;  // the file that -c's is compared with; empty: the running weir
  bool once = false;         // `top`: one picture, then the end
  CtlLine ctl;
  UpgradeLine upgrade;
  Invocation invocation;  // of this process
  std::string help;       // the text to print, for kHelp
};

// Of the command line itself. The text is one line for the operator.
struct WrongUse {
  std::string text;
  int exit_status = 1;
};

Result<CommandLine, WrongUse> parse_command_line(int argc, const char* const* argv);

}  // namespace weir::process
