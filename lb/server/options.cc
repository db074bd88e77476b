// The command line, through CLI11; its exceptions end here.
#include "server/options.h"

#include <CLI/CLI.hpp>

namespace weir::server {
namespace {

Command command_of(const CommandLine& line, bool version, bool build, bool test, bool dump, bool convert) {
  if (convert) return Command::kConvert;
  if (build) return Command::kVersionAndBuild;
  if (version) return Command::kVersion;
  if (!line.signal.empty()) return Command::kSignal;
  if (dump) return Command::kDump;
  return test ? Command::kTest : Command::kRun;
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  bool version = false, build = false, test = false, dump = false;
  CLI::App app("weir, a layer-7 load balancer", "weir");
  app.set_help_flag("-h,-?,--help", "this help");
  app.add_option("-c,--config", line.config, "the configuration file")->capture_default_str()->type_name("FILE");
  app.add_option("-p,--prefix", line.prefix, "the directory that relative paths start from")->type_name("DIR");
  app.add_option("-g,--global", line.globals, "directives to set before those of the file")->type_name("DIRECTIVES");
  app.add_option("-e,--error-log", line.error_log, "where errors go until the configuration says so")
      ->type_name("FILE");
  app.add_flag("-t,--test", test, "test the configuration and exit");
  app.add_flag("-T,--dump", dump, "test the configuration, print it and exit");
  app.add_flag("--effective", line.effective, "test, then print every setting, inherited ones and defaults too");
  app.add_flag("-q,--quiet", line.quiet, "say nothing but errors while testing");
  app.add_option("-s,--signal", line.signal, "send a signal to the running weir: stop, quit, reopen, reload")
      ->type_name("SIGNAL");
  app.add_flag("-v,--version", version, "show the version and exit");
  app.add_flag("-V", build, "show the version, the compiler and the libraries, and exit");
  CLI::App* convert = app.add_subcommand("convert", "print a configuration file in the other syntax");
  convert->set_help_flag("-h,-?,--help", "this help");
  convert->add_option("file", line.convert_file, "the file")->required()->type_name("FILE");
  convert->add_option("--to", line.convert_to, "the syntax: yaml or nginx")->type_name("SYNTAX");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.command = Command::kHelp;
    line.help = convert->parsed() ? convert->help() : app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    return Unexpected{std::string(error.what())};
  }
  const std::string& s = line.signal;
  if (!s.empty() && s != "stop" && s != "quit" && s != "reopen" && s != "reload")
    return Unexpected{"invalid option: \"-s " + s + "\": it is one of stop, quit, reopen, reload"};
  if (!line.convert_to.empty() && line.convert_to != "yaml" && line.convert_to != "nginx")
    return Unexpected{"invalid option: \"--to " + line.convert_to + "\": it is yaml or nginx"};
  line.command = command_of(line, version, build, test, dump || line.effective, convert->parsed());
  return line;
}

}  // namespace weir::server
