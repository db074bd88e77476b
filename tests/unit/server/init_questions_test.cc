// The questions of `weir init`: what is taken, what is asked again, and how often.
#include "server/init_questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Operator {
 public:
  explicit Operator(std::deque<std::string> lines) : lines_(std::move(lines)) {}
  Result<process::InitLine> answer() {
    return ask_for_init([this](const std::string& question) -> std::optional<std::string> {
      questions.push_back(question);
      if (lines_.empty()) return std::nullopt;
      std::string line = lines_.front();
      lines_.pop_front();
      return line;
    });
  }
  std::vector<std::string> questions;

 private:
  std::deque<std::string> lines_;
};

TEST(InitQuestionsTest, empty_lines_mean_the_defaults) {
  Operator who({"", ""});
  const auto init = who.answer();
  ASSERT_TRUE(init) << init.error();
  EXPECT_TRUE(init->nodes.empty() && init->nocobase.empty() && init->tls.empty());
  EXPECT_EQ(who.questions.size(), 2u) << "nodes that are not there run nothing";
}

TEST(InitQuestionsTest, nodes_are_split_at_blanks_and_commas) {
  Operator who({" 10.0.0.1:3000, 10.0.0.2:3000\t[::1]:3000", "", "app.example.org "});
  const auto init = who.answer();
  ASSERT_TRUE(init) << init.error();
  EXPECT_THAT(init->nodes, ElementsAre("10.0.0.1:3000", "10.0.0.2:3000", "[::1]:3000"));
  EXPECT_EQ(init->tls, "app.example.org");
}

TEST(InitQuestionsTest, yes_makes_them_nodes_of_nocobase) {
  Operator who({"10.0.0.1", "Yes", ""});
  const auto init = who.answer();
  ASSERT_TRUE(init) << init.error();
  EXPECT_THAT(init->nocobase, ElementsAre("10.0.0.1"));
  EXPECT_TRUE(init->nodes.empty());
}

TEST(InitQuestionsTest, bad_line_is_asked_again_with_its_fault) {
  Operator who({"10.0.0.1:3000 :", "10.0.0.1:3000", "perhaps", "n", "no name", "app.test"});
  const auto init = who.answer();
  ASSERT_TRUE(init) << init.error();
  ASSERT_EQ(who.questions.size(), 6u);
  EXPECT_THAT(who.questions[1], HasSubstr("\n" + who.questions[0])) << "behind its fault";
  EXPECT_EQ(init->tls, "app.test");
}

TEST(InitQuestionsTest, third_bad_line_is_the_last) {
  Operator who({":", ":", ":", "10.0.0.1:3000"});
  const auto init = who.answer();
  ASSERT_FALSE(init);
  EXPECT_THAT(init.error(), HasSubstr("nothing is written"));
  EXPECT_EQ(who.questions.size(), 3u);
}

TEST(InitQuestionsTest, end_of_input_writes_nothing) {
  Operator who({"10.0.0.1:3000"});
  const auto init = who.answer();
  ASSERT_FALSE(init);
  EXPECT_THAT(init.error(), HasSubstr("nothing is written"));
}

}  // namespace
}  // namespace weir::server
