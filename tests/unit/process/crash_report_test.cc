// Where a crash report goes; what is in it is seen by tests/integration/test_crash.py.
#include "process/crash_report.h"

#include <gtest/gtest.h>

namespace weir::process {
namespace {

TEST(CrashReport, stands_beside_the_first_log_file) {
  EXPECT_EQ(
      crash_report_path(
          {{"stderr", LogLevel::kError}, {"/var/log/weir/error.log", LogLevel::kError}, {"b.log", LogLevel::kInfo}}),
      "/var/log/weir/error.log.crash");
}

TEST(CrashReport, goes_to_stderr_alone_without_a_log_file) {
  EXPECT_EQ(crash_report_path({}), "");
  EXPECT_EQ(crash_report_path({{"stderr", LogLevel::kError},
                               {"syslog:server=unix:/dev/log", LogLevel::kError},
                               {"/dev/null", LogLevel::kError}}),
            "");
}

}  // namespace
}  // namespace weir::process
