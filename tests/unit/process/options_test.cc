// The command line.
#include "process/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace weir::process {
namespace {

using ::testing::HasSubstr;

Result<CommandLine, WrongUse> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"weir"};
  argv.insert(argv.end(), words.begin(), words.end());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLine, serves_the_default_configuration_without_arguments) {
  const auto line = parse({});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kRun);
  EXPECT_EQ(line->config, "/etc/weir/weir.conf");
}

TEST(CommandLine, knows_the_letters_of_nginx) {
  const auto line = parse({"-c", "a.conf", "-p", "/srv", "-g", "daemon off;", "-e", "e.log", "-t", "-q"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kTest);
  EXPECT_EQ(line->config, "a.conf");
  EXPECT_EQ(line->prefix, "/srv");
  EXPECT_EQ(line->globals, "daemon off;");
  EXPECT_EQ(line->error_log, "e.log");
  EXPECT_TRUE(line->quiet);
}

TEST(CommandLine, knows_letters_run_together) {
  const auto line = parse({"-tq", "-ca.conf"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kTest);
  EXPECT_TRUE(line->quiet);
  EXPECT_EQ(line->config, "a.conf");
}

TEST(CommandLine, knows_long_names) {
  const auto line = parse({"--config=a.yaml", "--dump"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kDump);
  EXPECT_EQ(line->config, "a.yaml");
}

TEST(CommandLine, dumps_every_setting_with_effective) {
  const auto line = parse({"--effective"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kDump);
  EXPECT_TRUE(line->effective);
}

TEST(CommandLine, begins_at_the_first_server_when_asked) {
  ASSERT_TRUE(parse({}));
  EXPECT_FALSE(parse({})->start_at_first);
  EXPECT_TRUE(parse({"--start-at-first"})->start_at_first);
}

TEST(CommandLine, takes_globals_that_begin_with_a_space) {
  const auto line = parse({"-g", " pid /x;"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->globals, " pid /x;");
}

TEST(CommandLine, knows_four_signals) {
  for (const char* word : {"stop", "quit", "reopen", "reload"}) {
    const auto line = parse({"-s", word});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, Command::kSignal);
    EXPECT_EQ(line->signal, word);
  }
  const auto refused = parse({"-s", "restart"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("-s restart"));
}

TEST(CommandLine, has_two_forms_of_version) {
  EXPECT_EQ(parse({"-v"})->command, Command::kVersion);
  EXPECT_EQ(parse({"--version"})->command, Command::kVersion);
  EXPECT_EQ(parse({"-V"})->command, Command::kVersionAndBuild);
}

TEST(CommandLine, prints_help) {
  for (const char* word : {"-h", "-?", "--help"}) {
    const auto line = parse({word});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, Command::kHelp);
    EXPECT_THAT(line->help, HasSubstr("-c,--config FILE"));
  }
}

TEST(CommandLine, converts_between_syntaxes) {
  const auto line = parse({"convert", "a.conf", "--to", "yaml"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kConvert);
  EXPECT_EQ(line->convert_file, "a.conf");
  EXPECT_EQ(line->convert_to, "yaml");
  EXPECT_FALSE(parse({"convert"}));
  EXPECT_FALSE(parse({"convert", "a.conf", "--to", "json"}));
}

TEST(CommandLine, init_takes_nodes_and_a_name) {
  const auto line = parse({"init", "-c", "a.conf", "--nocobase", "10.0.0.1", "10.0.0.2", "--tls", "app.example.org"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->command, Command::kInit);
  EXPECT_EQ(line->config, "a.conf");
  EXPECT_THAT(line->init.nocobase, ::testing::ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(line->init.tls, "app.example.org");
  EXPECT_THAT(parse({"init", "a:1", "b:2"})->init.nodes, ::testing::ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(parse({"init"}));
  EXPECT_FALSE(parse({"init", "--tls"}));
  EXPECT_FALSE(parse({"init", "--nocobase"}));
}

TEST(CommandLine, sends_commands_to_a_running_weir) {
  const auto list = parse({"ctl", "list", "myapp", "--json"});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->command, Command::kCtl);
  EXPECT_EQ(list->ctl.verb, CtlVerb::kList);
  EXPECT_EQ(list->ctl.target, "myapp");
  EXPECT_TRUE(list->ctl.json);
  EXPECT_EQ(list->config, "/etc/weir/weir.conf");
  EXPECT_EQ(parse({"ctl", "-c", "a.conf", "status"})->config, "a.conf");
  EXPECT_EQ(parse({"-c", "a.conf", "ctl", "status"})->config, "a.conf");
  EXPECT_EQ(parse({"ctl", "--socket", "/s", "metrics"})->ctl.socket, "/s");
  EXPECT_EQ(parse({"ctl", "reload"})->ctl.verb, CtlVerb::kReload);
}

TEST(CommandLine, drains_with_options) {
  const auto plain = parse({"ctl", "drain", "myapp/10.0.0.1:80"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->ctl.verb, CtlVerb::kDrain);
  EXPECT_EQ(plain->ctl.target, "myapp/10.0.0.1:80");
  EXPECT_EQ(plain->ctl.wait, Millis(60'000));
  EXPECT_EQ(plain->ctl.spread, Millis(10'000));
  EXPECT_EQ(plain->ctl.code, 1001);
  const auto line = parse({"ctl", "drain", "--wait", "2m", "--spread", "500ms", "--code", "1012", "--why", "new disk",
                           "--no-wait", "myapp/10.0.0.1:80"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->ctl.wait, Millis(120'000));
  EXPECT_EQ(line->ctl.spread, Millis(500));
  EXPECT_EQ(line->ctl.code, 1012);
  EXPECT_EQ(line->ctl.why, "new disk");
  EXPECT_TRUE(line->ctl.no_wait);
  EXPECT_FALSE(parse({"ctl", "drain"}));
  EXPECT_FALSE(parse({"ctl", "drain", "a/b", "--code", "1000"}));
  EXPECT_THAT(parse({"ctl", "drain", "a/b", "--wait", "soon"}).error().text, HasSubstr("--wait soon"));
}

TEST(CommandLine, sets_weights_and_maintenance) {
  EXPECT_EQ(parse({"ctl", "weight", "a/b", "7"})->ctl.word, "7");
  EXPECT_EQ(parse({"ctl", "weight", "a/b", "default"})->ctl.word, "default");
  for (const char* bad : {"0", "65536", "-1", "x", "1.5"}) EXPECT_FALSE(parse({"ctl", "weight", "a/b", bad})) << bad;
  const auto line = parse({"ctl", "maintenance", "on", "app.example/api/", "--why", "upgrade"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->ctl.verb, CtlVerb::kMaintenance);
  EXPECT_EQ(line->ctl.word, "on");
  EXPECT_EQ(line->ctl.target, "app.example/api/");
  EXPECT_EQ(parse({"ctl", "maintenance"})->ctl.word, "");
  EXPECT_FALSE(parse({"ctl", "maintenance", "maybe"}));
}

TEST(CommandLine, prints_help_of_ctl) {
  EXPECT_THAT(parse({"ctl", "--help"})->help, HasSubstr("Exit codes"));
  EXPECT_THAT(parse({"ctl", "drain", "--help"})->help, HasSubstr("--spread"));
  EXPECT_FALSE(parse({"ctl"}));
  EXPECT_FALSE(parse({"ctl", "dance"}));
}

TEST(CommandLine, refuses_unknown_arguments) {
  EXPECT_FALSE(parse({"-x"}));
  EXPECT_FALSE(parse({"serve"}));
  EXPECT_FALSE(parse({"-c"}));
}

TEST(CommandLine, upgrade_takes_a_binary_and_its_patience) {
  const auto line = parse({"upgrade", "-c", "a.conf", "--binary", "/opt/weir", "--within", "5s"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->command, Command::kUpgrade);
  EXPECT_EQ(line->config, "a.conf");
  EXPECT_EQ(line->upgrade.binary, "/opt/weir");
  EXPECT_EQ(line->upgrade.within, Millis(5'000));
  EXPECT_EQ(parse({"upgrade"})->upgrade.within, Millis(60'000));
  EXPECT_FALSE(parse({"upgrade", "--within", "121s"}));
  EXPECT_FALSE(parse({"upgrade", "--within", "soon"}));
  EXPECT_FALSE(parse({"upgrade", "now"}));
}

TEST(CommandLine, reload_takes_a_url_to_verify) {
  const auto line = parse({"reload", "-c", "a.conf", "--verify", "http://a/", "--within", "5s"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kReload);
  EXPECT_EQ(line->config, "a.conf");
  EXPECT_EQ(line->ctl.verify, "http://a/");
  EXPECT_EQ(line->ctl.within, Millis(5000));
  EXPECT_EQ(parse({"reload"})->ctl.within, Millis(10'000));
  const auto by_ctl = parse({"ctl", "reload", "--verify", "http://a/"});
  ASSERT_TRUE(by_ctl);
  EXPECT_EQ(by_ctl->command, Command::kCtl);
  EXPECT_EQ(by_ctl->ctl.verify, "http://a/");
  EXPECT_FALSE(parse({"reload", "--within", "5s"}));
  EXPECT_FALSE(parse({"ctl", "reload", "--within", "5s"}));
  EXPECT_FALSE(parse({"reload", "--verify", "http://a/", "--within", "5 minutes"}));
  EXPECT_FALSE(parse({"reload", "--verify", "http://a/", "--within", "121s"}));
}

TEST(CommandLine, commands_find_their_file) {
  for (const char* word : {"reload", "upgrade", "diff", "ctl"}) {
    const auto line =
        word == std::string("ctl") ? parse({word, "-c", "a.conf", "status"}) : parse({word, "-c", "a.conf"});
    ASSERT_TRUE(line) << word;
    EXPECT_EQ(line->config, "a.conf") << word;
  }
  EXPECT_EQ(parse({"diff", "--against", "b.conf"})->diff_against, "b.conf");
  EXPECT_EQ(parse({"diff", "--against", "b.conf"})->command, Command::kDiff);
  EXPECT_EQ(parse({"manual", "listen"})->manual_of, "listen");
  EXPECT_TRUE(parse({"manual", "--man"})->as_man_page);
}

TEST(CommandLine, request_to_explain_is_read) {
  const auto line = parse({"explain", "-c", "a.conf", "http://a/", "--client", "10.0.0.1", "-H", "A: b", "-H", "C: d",
                           "--cookie", "x=y", "--method", "POST"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->command, Command::kExplain);
  EXPECT_EQ(line->explain.url, "http://a/");
  EXPECT_EQ(line->explain.client, "10.0.0.1");
  EXPECT_EQ(line->explain.headers, (std::vector<std::string>{"A: b", "C: d"}));
  EXPECT_EQ(line->explain.cookies, (std::vector<std::string>{"x=y"}));
  EXPECT_EQ(line->explain.method, "POST");
  EXPECT_FALSE(parse({"explain"}));
}

TEST(CommandLine, prints_help_of_each_command) {
  for (const char* word : {"reload", "upgrade", "diff", "explain", "manual", "convert"}) {
    const auto line = parse({word, "--help"});
    ASSERT_TRUE(line) << word;
    EXPECT_EQ(line->command, Command::kHelp) << word;
    EXPECT_THAT(line->help, HasSubstr(word)) << word;
  }
}

TEST(CommandLine, wrong_use_names_its_command) {
  EXPECT_EQ(parse({"explain"}).error().text, "weir explain: url is required (weir explain -h shows the options)");
  EXPECT_THAT(parse({"ctl", "down"}).error().text, HasSubstr("weir ctl down: peer is required"));
  EXPECT_THAT(parse({"reload", "--within", "5s"}).error().text, HasSubstr("weir reload: invalid option: \"--within\""));
  EXPECT_THAT(parse({"--nonsense"}).error().text, HasSubstr("weir: The following argument was not expected"));
}

TEST(CommandLine, unknown_command_is_named) {
  EXPECT_THAT(parse({"restart"}).error().text, HasSubstr("weir: there is no command \"restart\""));
  EXPECT_THAT(parse({"-t", "-c", "a.conf", "b.conf"}).error().text, HasSubstr("there is no command \"b.conf\""));
  EXPECT_THAT(parse({"ctl", "kill"}).error().text, HasSubstr("weir ctl: there is no command \"kill\""));
  EXPECT_THAT(parse({"ctl"}).error().text, HasSubstr("weir ctl: A subcommand is required"));
}

TEST(CommandLine, test_is_no_signal_and_no_command) {
  EXPECT_EQ(parse({"-t", "-s", "reload"})->command, Command::kTest);
  for (const char* option : {"-t", "-T", "-v", "-V", "--effective", "-sstop"})
    EXPECT_THAT(parse({option, "reload"}).error().text, HasSubstr("weir reload: options that do something")) << option;
}

TEST(CommandLine, second_command_is_refused) {
  EXPECT_THAT(parse({"reload", "diff"}).error().text, HasSubstr("not expected: diff"));
  const auto upstream = parse({"ctl", "list", "top"});
  ASSERT_TRUE(upstream) << upstream.error().text;
  EXPECT_EQ(upstream->command, Command::kCtl);
  EXPECT_EQ(upstream->ctl.target, "top");
}

TEST(CommandLine, wrong_use_of_diff_is_no_difference) {
  EXPECT_EQ(parse({"diff", "--nonsense"}).error().exit_status, 2);
  EXPECT_EQ(parse({"reload", "--nonsense"}).error().exit_status, 1);
}

TEST(CommandLine, places_of_ctl_may_stand_behind_its_verb) {
  const auto file = parse({"ctl", "list", "-c", "a.conf"});
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ(file->config, "a.conf");
  const auto socket = parse({"ctl", "weight", "a/b", "3", "--socket", "/run/w.sock"});
  ASSERT_TRUE(socket) << socket.error().text;
  EXPECT_EQ(socket->ctl.socket, "/run/w.sock");
}

TEST(CommandLine, empty_name_does_not_mean_every_one) {
  EXPECT_THAT(parse({"ctl", "maintenance", "on", ""}).error().text, HasSubstr("the name is empty"));
  EXPECT_THAT(parse({"ctl", "down", ""}).error().text, HasSubstr("the name is empty"));
  EXPECT_THAT(parse({"ctl", "list", ""}).error().text, HasSubstr("the name is empty"));
  EXPECT_TRUE(parse({"ctl", "maintenance", "on"}));
}

TEST(CommandLine, commands_without_any_time_are_refused) {
  EXPECT_THAT(parse({"upgrade", "--within", "0"}).error().text, HasSubstr("above 0"));
  EXPECT_THAT(parse({"reload", "--verify", "http://a/", "--within", "0"}).error().text, HasSubstr("above 0"));
  EXPECT_TRUE(parse({"ctl", "drain", "a/b", "--wait", "0"}));
}

TEST(CommandLine, help_is_of_the_command_that_is_meant) {
  EXPECT_THAT(parse({"ctl", "drain", "-h"})->help, HasSubstr("Usage: weir ctl drain [OPTIONS] peer"));
  EXPECT_THAT(parse({"reload", "--help"})->help, HasSubstr("Usage: weir reload"));
  EXPECT_THAT(parse({"-h"})->help, HasSubstr("Usage: weir [OPTIONS] [SUBCOMMAND]"));
}

}  // namespace
}  // namespace weir::process
