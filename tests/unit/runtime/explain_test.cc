// What a weir that serves is asked costs it nothing where the system gives nothing more.
#include "runtime/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/load.h"
#include "unit/few_descriptors.h"
#include "unit/no_threads.h"
#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    dir_.write("weir.conf",
               "http { upstream app { server 10.0.0.1:80; }\n"
               "server { listen 127.0.0.1:8080; location / { proxy_pass http://app; } } }\n");
    process::CommandLine line;
    line.config = dir_ / "weir.conf";
    config_ = process::load_config(line);
    EXPECT_THAT(config_.errors, ::testing::IsEmpty());
    request_.url = "http://127.0.0.1:8080/x";
    request_.client = *SocketAddress::from_ip("192.0.2.7", 1234);
  }
  Result<std::string> ask() { return explain(*config_.model, request_); }
  void expect_answer() {
    const Result<std::string> text = ask();
    ASSERT_TRUE(text) << text.error();
    EXPECT_THAT(*text, HasSubstr("10.0.0.1:80"));
  }

  TempDir dir_;
  process::LoadedConfig config_;
  ExplainRequest request_;
};

TEST_F(ExplainTest, want_of_descriptors_is_an_error) {
  expect_answer();
  {
    const FewDescriptors none;
    const Result<std::string> text = ask();
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error(), HasSubstr("no event loop (too many open files)"));
  }
  expect_answer();
}

TEST_F(ExplainTest, request_is_explained_without_a_thread) {
  const NoThreads none;
  ASSERT_TRUE(none.good());
  expect_answer();
}

}  // namespace
}  // namespace weir::runtime
