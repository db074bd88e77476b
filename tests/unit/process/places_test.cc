// Where a running weir is looked for, by configurations whole and broken.
#include "process/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/model.h"
#include "unit/temp_dir.h"

namespace weir::process {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

Places places_of(const std::string& text, const std::string& name = "weir.conf", const std::string& globals = "") {
  const TempDir dir;
  dir.write(name, text);
  CommandLine line;
  line.config = dir / name;
  line.globals = globals;
  return find_places(line);
}

TEST(Places, admin_socket_stands_beside_the_pid_file) {
  const Places places = places_of("pid /run/a.pid; events {} http {}");
  EXPECT_THAT(places.errors, IsEmpty());
  EXPECT_EQ(places.pid, "/run/a.pid");
  EXPECT_EQ(places.admin, "/run/a.sock");
}

TEST(Places, broken_file_still_names_them) {
  const std::string named = "pid /run/a.pid;\nadmin unix:/run/b.sock;\n";
  const std::vector<std::string> texts = {
      named + "nonsense on;",
      named + "http { server {",
      "events {}}\n" + named,
      "\"never closed\n" + named,
      "worker_processes 2\n" + named,
      "worker_processes 2\npid '/run/a.pid';  # here\nadmin\tunix:/run/b.sock ;\nnonsense",
  };
  for (const std::string& text : texts) {
    const Places places = places_of(text);
    EXPECT_THAT(places.errors, Not(IsEmpty())) << text;
    EXPECT_TRUE(places.readable) << text;
    EXPECT_EQ(places.pid, "/run/a.pid") << text;
    EXPECT_EQ(places.admin, "/run/b.sock") << text;
  }
}

TEST(Places, broken_yaml_still_names_them) {
  const Places places = places_of("pid: /run/a.pid\nadmin: \"unix:/run/b.sock\"\nhttp: [\n", "weir.yaml");
  EXPECT_THAT(places.errors, Not(IsEmpty()));
  EXPECT_EQ(places.pid, "/run/a.pid");
  EXPECT_EQ(places.admin, "/run/b.sock");
}

TEST(Places, names_that_only_begin_alike_do_not_count) {
  const Places places = places_of("pidgin /run/x.pid;\n# pid /run/y.pid;\npid_file /run/z.pid;\n");
  EXPECT_THAT(places.errors, Not(IsEmpty()));
  EXPECT_EQ(places.pid, config::MainConfig().pid);
}

TEST(Places, globals_go_before_a_broken_file) {
  EXPECT_EQ(places_of("pid /run/a.pid; nonsense on;", "weir.conf", "pid /run/g.pid;").pid, "/run/g.pid");
}

TEST(Places, admin_off_is_no_socket) {
  EXPECT_EQ(places_of("pid /run/a.pid; admin off; nonsense on;").admin, "");
}

TEST(Places, missing_file_is_not_readable) {
  CommandLine line;
  line.config = "/nonexistent/weir.conf";
  const Places places = find_places(line);
  EXPECT_FALSE(places.readable);
  EXPECT_THAT(places.errors, Not(IsEmpty()));
}

}  // namespace
}  // namespace weir::process
