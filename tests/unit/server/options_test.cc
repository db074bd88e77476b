// The command line.
#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace weir::server {
namespace {

using ::testing::HasSubstr;

Result<CommandLine> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"weir"};
  argv.insert(argv.end(), words.begin(), words.end());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLine, without_arguments_serves_the_default_configuration) {
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

TEST(CommandLine, dumps_every_setting_when_asked) {
  const auto line = parse({"--effective"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kDump);
  EXPECT_TRUE(line->effective);
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
  EXPECT_THAT(refused.error(), HasSubstr("-s restart"));
}

TEST(CommandLine, tells_versions_apart) {
  EXPECT_EQ(parse({"-v"})->command, Command::kVersion);
  EXPECT_EQ(parse({"--version"})->command, Command::kVersion);
  EXPECT_EQ(parse({"-V"})->command, Command::kVersionAndBuild);
}

TEST(CommandLine, helps) {
  for (const char* word : {"-h", "-?", "--help"}) {
    const auto line = parse({word});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, Command::kHelp);
    EXPECT_THAT(line->help, HasSubstr("-c,--config FILE"));
  }
}

TEST(CommandLine, converts) {
  const auto line = parse({"convert", "a.conf", "--to", "yaml"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, Command::kConvert);
  EXPECT_EQ(line->convert_file, "a.conf");
  EXPECT_EQ(line->convert_to, "yaml");
  EXPECT_FALSE(parse({"convert"}));
  EXPECT_FALSE(parse({"convert", "a.conf", "--to", "json"}));
}

TEST(CommandLine, refuses_what_it_does_not_know) {
  EXPECT_FALSE(parse({"-x"}));
  EXPECT_FALSE(parse({"serve"}));
  EXPECT_FALSE(parse({"-c"}));
}

}  // namespace
}  // namespace weir::server
