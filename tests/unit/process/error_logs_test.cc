// Which files are logs.
#include "process/error_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "process/load.h"
#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(LogFiles, are_named_by_every_block) {
  const TempDir dir;
  dir.write("weir.conf", R"(
error_log /logs/error.log;
events {}
http {
  access_log /logs/http.log;
  server { listen 127.0.0.1:8000; }
  server {
    listen 127.0.0.1:8000;
    server_name a;
    access_log /logs/server.log;
    location / {
      access_log /logs/location.log;
      if ($arg_x) { access_log /logs/if.log; }
      limit_except GET { access_log /logs/limit_except.log; }
      location /nested/ {
        access_log /logs/nested.log;
        if ($arg_x) { access_log /logs/nested_if.log; }
      }
    }
    location /off/ { access_log off; }
    location /device/ { access_log /dev/stdout; }
    location /syslog/ { access_log syslog:server=127.0.0.1; }
  }
}
)");
  CommandLine line;
  line.config = dir / "weir.conf";
  const LoadedConfig config = load_config(line);
  ASSERT_THAT(config.errors, IsEmpty());
  EXPECT_THAT(
      log_files(line, *config.model),
      UnorderedElementsAre("/logs/error.log", "/logs/http.log", "/logs/server.log", "/logs/location.log",
                           "/logs/if.log", "/logs/limit_except.log", "/logs/nested.log", "/logs/nested_if.log"));
}

}  // namespace
}  // namespace weir::process
