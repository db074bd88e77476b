// The command line, through CLI11; its exceptions end here.
#include "process/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "config/values.h"

namespace weir::process {
namespace {

Command command_of(const CommandLine& line, bool version, bool build, bool test, bool dump) {
  if (line.ctl.verb != CtlVerb::kNone) return Command::kCtl;
  if (build) return Command::kVersionAndBuild;
  if (version) return Command::kVersion;
  if (dump) return Command::kDump;
  if (test) return Command::kTest;  // as nginx: `-t -s reload` sends nothing
  return line.signal.empty() ? Command::kRun : Command::kSignal;
}

constexpr const char* kHelpFlags = "-h,-?,--help";
constexpr const char* kConfigFlags = "-c,--config";

// The error is one line for the operator.
std::string take_time(const std::string& text, const char* option, Millis least, Millis most, const char* at_most,
                      Millis& to) {
  if (text.empty()) return {};
  const std::optional<Millis> time = config::parse_time(text);
  if (!time || *time < least || *time > most)
    return "invalid option: \"" + std::string(option) + " " + text + "\": it is a time " +
           (least.count() > 0 ? "above 0 and " : "") + "of at most " + at_most + ", 60s or 5m";
  to = *time;
  return {};
}

// A script's variable that was never set names nothing; it must not mean everything.
std::string is_written(const std::string& name) {
  return name.empty() ? "the name is empty" : "";
}

// What both `weir reload` and `weir ctl reload` take.
void add_verification(CLI::App& command, CtlLine& line, std::string& within) {
  command
      .add_option("--verify", line.verify,
                  "the URL that weir asks itself afterwards; where it does not answer well, the configuration "
                  "before is put in force again")
      ->type_name("URL");
  command.add_option("--within", within, "how long --verify may take [10s]")->type_name("TIME");
}

std::string finish_verification(CtlLine& line, const std::string& within) {
  if (!within.empty() && line.verify.empty()) return "invalid option: \"--within\" is for --verify";
  return take_time(within, "--within", Millis(1), Millis(120'000), "two minutes", line.within);
}

// weir ctl COMMAND: each a subcommand of the subcommand.
class CtlParser {
 public:
  CtlParser(CLI::App& app, CommandLine& line)
      : line_(line), ctl_(*app.add_subcommand("ctl", "show and change a running weir")) {
    ctl_.set_help_flag(kHelpFlags, "this help");
    ctl_.require_subcommand(1);
    add_places(ctl_);
    ctl_.footer(
        "PEER is UPSTREAM/ADDRESS as `weir ctl list` prints it: myapp/10.0.0.1:13000. TIME is as in the configuration: "
        "60s, 500ms, 5m.\n"
        "Exit codes: 0 done; 1 refused, failed, or a drain that was not finished in time; 2 weir not reachable.");
    add_looks();
    add_peers();
    add_rest();
  }
  // What the library does not check. Empty: all is well.
  std::string finish() {
    for (const auto& [command, verb] : verbs_)
      if (command->parsed()) line_.ctl.verb = verb;
    if (line_.ctl.verb == CtlVerb::kReload) return finish_verification(line_.ctl, within_);
    if (line_.ctl.verb == CtlVerb::kCache && line_.ctl.word.empty() != line_.ctl.target.empty())
      return "invalid option: \"cache purge\" needs a key, a prefix with \"*\" behind it, or \"all\"";
    return line_.ctl.verb == CtlVerb::kDrain ? finish_drain() : std::string();
  }

 private:
  CLI::App* add(const char* name, const char* help, CtlVerb verb) {
    CLI::App* command = ctl_.add_subcommand(name, help);
    command->set_help_flag(kHelpFlags, "this help");
    add_places(*command);
    verbs_.emplace_back(command, verb);
    return command;
  }
  // Before the verb or behind it.
  void add_places(CLI::App& command) {
    command.add_option(kConfigFlags, line_.config, "the configuration file that names the admin socket")
        ->type_name("FILE");
    command.add_option("--socket", line_.ctl.socket, "the admin socket itself")->type_name("PATH");
  }
  CLI::App* add_with_peer(const char* name, const char* help, CtlVerb verb) {
    CLI::App* command = add(name, help, verb);
    command->add_option("peer", line_.ctl.target, "UPSTREAM/ADDRESS")->required()->check(is_written)->type_name("PEER");
    return command;
  }
  void add_why(CLI::App* command) {
    command->add_option("--why", line_.ctl.why, "the reason, for the log and for list")->type_name("TEXT");
  }
  void add_json(CLI::App* command) {
    command->add_flag("--json", line_.ctl.json, "print the JSON of the admin socket");
  }

  void add_looks() {
    CLI::App* list =
        add("list", "the peers: state, weight, requests in flight, last check; or the certificates", CtlVerb::kList);
    list->add_option("upstream", line_.ctl.target, "only of this upstream; certificates: those instead")
        ->check(is_written)
        ->type_name("UPSTREAM");
    add_json(list);
    add_json(add("status", "the process: version, workers, connections, the last reload", CtlVerb::kStatus));
    add("metrics", "the metrics page, in Prometheus' text format", CtlVerb::kMetrics);
  }
  void add_peers() {
    CLI::App* drain = add_with_peer(
        "drain",
        "drain a peer: no new requests, those in flight finish, then its WebSockets are closed. The drain continues "
        "when this command is interrupted; up ends it",
        CtlVerb::kDrain);
    drain->add_option("--wait", wait_, "for requests in flight [60s]")->type_name("TIME");
    drain->add_option("--spread", spread_, "over which WebSockets are closed [10s]")->type_name("TIME");
    drain->add_option("--code", line_.ctl.code, "of their close frames: 1001 (going away) or 1012 (restart)")
        ->check(CLI::IsMember({1001, 1012}))
        ->capture_default_str()
        ->type_name("CODE");
    drain->add_flag("--no-wait", line_.ctl.no_wait, "start the drain and return at once");
    add_why(drain);
    add_why(add_with_peer("up", "bring a peer back after a drain or down", CtlVerb::kUp));
    add_why(add_with_peer("down", "take a peer out at once; requests in flight finish", CtlVerb::kDown));
    CLI::App* weight = add_with_peer("weight", "give a peer another weight", CtlVerb::kWeight);
    weight->add_option("weight", line_.ctl.word, "1 to 65535, or \"default\" for the configuration's")
        ->required()
        ->type_name("N")
        ->check([](const std::string& text) -> std::string {
          const auto number = parse_decimal(text);
          const bool good = text == "default" || (number && *number >= 1 && *number <= 65'535);
          return good ? "" : "\"" + text + "\" is neither a number from 1 to 65535 nor \"default\"";
        });
    add_why(weight);
    add_why(add_with_peer("reset", "remove all overrides of a peer: as configured", CtlVerb::kReset));
  }
  void add_rest() {
    CLI::App* maintenance =
        add("maintenance", "switch the maintenance page, or show where it is on", CtlVerb::kMaintenance);
    maintenance->add_option("switch", line_.ctl.word, "on, off, or \"default\" for the configuration's; none: show")
        ->check(CLI::IsMember({"on", "off", "default"}))
        ->type_name("on|off|default");
    maintenance->add_option("where", line_.ctl.target, "SERVER or SERVER/LOCATION; none: every server")
        ->check(is_written)
        ->type_name("SERVER[/LOCATION]");
    add_why(maintenance);
    add_json(maintenance);
    CLI::App* cache = add("cache", "show the caches, or purge answers from them", CtlVerb::kCache);
    cache->add_option("action", line_.ctl.word, "purge; none: show")
        ->check(CLI::IsMember({"purge"}))
        ->type_name("purge");
    cache
        ->add_option("key", line_.ctl.target,
                     "a key as proxy_cache_key makes it, a prefix of keys with \"*\" behind it, or \"all\"")
        ->type_name("KEY|PREFIX*|all");
    cache->add_option("--zone", line_.ctl.zone, "only of the cache of that name")->type_name("NAME");
    add_json(cache);
    add_verification(
        *add("reload", "reload the configuration, wait for the result and print the changes", CtlVerb::kReload),
        line_.ctl, within_);
  }
  std::string finish_drain() {
    constexpr Millis kMost{24LL * 3600 * 1000};
    const std::string wrong = take_time(wait_, "--wait", Millis(0), kMost, "a day", line_.ctl.wait);
    return wrong.empty() ? take_time(spread_, "--spread", Millis(0), kMost, "a day", line_.ctl.spread) : wrong;
  }

  CommandLine& line_;
  CLI::App& ctl_;
  std::vector<std::pair<CLI::App*, CtlVerb>> verbs_;
  std::string wait_, spread_, within_;
};

// weir COMMAND: subcommands that are not ctl's.
class CommandParser {
 public:
  CommandParser(CLI::App& app, CommandLine& line) : app_(app), line_(line) {
    CLI::App* init = add("init", "write a first configuration, with a comment at each line", Command::kInit);
    add_config(init);
    init->add_option("nodes", line.init.nodes, "the nodes of the application: HOST:PORT")->type_name("NODE");
    init->add_option("--nocobase", line.init.nocobase, "the nodes are NocoBase's; port 13000 unless written")
        ->type_name("NODE");
    init->add_option("--tls", line.init.tls, "the name that clients use; its certificate comes by itself")
        ->type_name("NAME");
    init->footer(
        "The file is the one of -c, and must not be there yet. On a terminal, and with nothing else on the command "
        "line, "
        "it asks three questions.\n"
        "Exit codes: 0 written, and `weir -t` takes it; 1 nothing written.");
    CLI::App* convert = add("convert", "print a configuration file in the other syntax", Command::kConvert);
    convert->add_option("file", line.convert_file, "the file")->required()->type_name("FILE");
    convert->add_option("--to", line.convert_to, "the syntax: yaml or nginx")->type_name("SYNTAX");
    CLI::App* reload =
        add("reload", "reload the configuration of the running weir, wait for the result and print the changes",
            Command::kReload);
    add_config(reload);
    add_verification(*reload, line.ctl, within_);
    reload->footer(
        "Exit codes: 0 in force; 1 refused, or not verified and put back: the old configuration is in force "
        "(or the new one, where it could not be put back: see the error).");
    CLI::App* upgrade =
        add("upgrade",
            "start the installed binary in the place of the running weir: it takes over sockets and state when it is "
            "ready, and the running one finishes its connections",
            Command::kUpgrade);
    add_config(upgrade);
    upgrade
        ->add_option("--binary", line.upgrade.binary, "the new binary [the path that the running weir was started by]")
        ->type_name("PATH");
    upgrade->add_option("--within", within_upgrade_, "how long the new weir may take to be ready [60s]")
        ->type_name("TIME");
    upgrade->footer("Exit codes: 0 the new weir serves; 1 it does not, the running one goes on serving.");
    CLI::App* diff =
        add("diff", "print the differences between the running configuration and the file", Command::kDiff);
    add_config(diff);
    diff->add_option("--against", line.diff_against, "compare with this file, not with the running weir")
        ->type_name("FILE");
    CLI::App* explain = add("explain",
                            "print the way of a request through the configuration: server, location, rewrites, peer, "
                            "and the reasons; nothing is sent",
                            Command::kExplain);
    add_config(explain);
    explain->add_option("url", line.explain.url, "http://HOST[:PORT]/PATH")->required()->type_name("URL");
    explain->add_flag("--running", line.explain.running,
                      "by the running weir: its configuration, and its peers, persistence and limits as they are now");
    explain->add_option("--client", line.explain.client, "the client's address [127.0.0.1]")->type_name("IP");
    explain->add_option("--method", line.explain.method, "the request's method [GET]")->type_name("METHOD");
    explain->add_option("-H,--header", line.explain.headers, "a field of the request, again for another")
        ->type_name("'NAME: VALUE'")
        ->expected(1)
        ->take_all();
    explain->add_option("--cookie", line.explain.cookies, "a cookie of the request, again for another")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
    CLI::App* top = add("top", "show upstreams, peers and requests of the running weir, every second", Command::kTop);
    add_config(top);
    top->add_flag("--once", line.once, "print one picture and end, as where the output is no terminal");
    top->footer("Keys: q quit, s the next order, o only peers that are out, arrows scroll.");
    CLI::App* manual =
        add("manual", "print the manual of one directive of the configuration, or of all", Command::kManual);
    manual->add_option("directive", line.manual_of, "its name; none: all")->type_name("NAME");
    manual->add_flag("--man", line.as_man_page, "print the manual page weir.conf(5)");
    diff->footer("Exit codes: 0 no difference; 1 differences; 2 they could not be compared.");
  }
  bool parsed() const {
    return std::any_of(commands_.begin(), commands_.end(), [](const auto& each) { return each.first->parsed(); });
  }
  // What the library does not check. Empty: all is well.
  std::string finish() {
    for (const auto& [command, is] : commands_)
      if (command->parsed()) line_.command = is;
    if (line_.command == Command::kUpgrade)
      return take_time(within_upgrade_, "--within", Millis(1), Millis(120'000), "two minutes", line_.upgrade.within);
    return line_.command == Command::kReload ? finish_verification(line_.ctl, within_) : std::string();
  }

 private:
  CLI::App* add(const char* name, const char* help, Command command) {
    CLI::App* made = app_.add_subcommand(name, help);
    made->set_help_flag(kHelpFlags, "this help");
    commands_.emplace_back(made, command);
    return made;
  }
  void add_config(CLI::App* command) {
    command->add_option(kConfigFlags, line_.config, "the configuration file")->type_name("FILE");
  }

  CLI::App& app_;
  CommandLine& line_;
  std::vector<std::pair<CLI::App*, Command>> commands_;
  std::string within_, within_upgrade_;
};

// Of `weir diff` 1 says that there are differences.
constexpr int kWrongUse = 1, kWrongUseOfDiff = 2;

// Names the command that was meant, as far as it was understood.
WrongUse wrong_use(const CLI::App& app, std::string why) {
  const CLI::App* command = &app;
  std::string path = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const std::vector<std::string> unknown = command->remaining();
  const bool has_commands = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
  if (has_commands && !unknown.empty() && !unknown.front().starts_with('-'))
    why = "there is no command \"" + unknown.front() + "\"";
  return {path + ": " + why + " (" + path + " -h shows the options)",
          path == "weir diff" ? kWrongUseOfDiff : kWrongUse};
}

}  // namespace

Result<CommandLine, WrongUse> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  bool version = false, build = false, test = false, dump = false;
  CLI::App app("weir, a layer-7 load balancer", "weir");
  app.set_help_flag("-h,-?,--help", "this help");
  app.add_option("-c,--config", line.config, "the configuration file")->capture_default_str()->type_name("FILE");
  app.add_option("-p,--prefix", line.prefix, "the directory that relative paths start from")->type_name("DIR");
  app.add_option("-g,--global", line.globals, "directives to set before those of the file")->type_name("DIRECTIVES");
  app.add_option("-e,--error-log", line.error_log, "the error log until the configuration names one")
      ->type_name("FILE");
  app.add_flag("-t,--test", test, "test the configuration and exit");
  app.add_flag("-T,--dump", dump, "test the configuration, print it and exit");
  app.add_flag("--effective", line.effective, "test, then print every setting, inherited ones and defaults too");
  app.add_flag("-q,--quiet", line.quiet, "print only errors while testing");
  app.add_flag("--start-at-first", line.start_at_first,
               "begin round robin at the first server of an upstream, not anywhere (for tests)");
  app.add_option("-s,--signal", line.signal, "send a signal to the running weir: stop, quit, reopen, reload")
      ->type_name("SIGNAL");
  app.add_flag("-v,--version", version, "show the version and exit");
  app.add_flag("-V", build, "show the version, the compiler and the libraries, and exit");
  app.require_subcommand(0, 1);
  CommandParser commands(app, line);
  CtlParser ctl(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.command = Command::kHelp;
    line.help = app.help();  // the library goes on to the command that is meant
    return line;
  } catch (const CLI::ParseError& error) {
    return Unexpected{wrong_use(app, error.what())};
  }
  const std::string& s = line.signal;
  if (!s.empty() && s != "stop" && s != "quit" && s != "reopen" && s != "reload")
    return Unexpected{wrong_use(app, "invalid option: \"-s " + s + "\": it is one of stop, quit, reopen, reload")};
  if (!line.convert_to.empty() && line.convert_to != "yaml" && line.convert_to != "nginx")
    return Unexpected{wrong_use(app, "invalid option: \"--to " + line.convert_to + "\": it is yaml or nginx")};
  if ((test || dump || line.effective || version || build || !s.empty()) && !app.get_subcommands().empty())
    return Unexpected{wrong_use(app, "options that do something of their own stand without a command")};
  if (std::string wrong = ctl.finish(); !wrong.empty()) return Unexpected{wrong_use(app, std::move(wrong))};
  if (!commands.parsed()) line.command = command_of(line, version, build, test, dump || line.effective);
  if (std::string wrong = commands.finish(); !wrong.empty()) return Unexpected{wrong_use(app, std::move(wrong))};
  return line;
}

}  // namespace weir::process
