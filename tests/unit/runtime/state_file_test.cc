// What the operator said, kept over restarts.
#include "runtime/state_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/temp_dir.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;

Overrides some_overrides() {
  Overrides overrides;
  overrides.peers[{"myapp", "10.0.0.1:13000"}] = {PeerOverride::Mode::kDrain, 7, "a \"new\" disk\n",
                                                  1'700'000'000'000'000};
  overrides.peers[{"myapp", "unix:/run/app.sock"}] = {PeerOverride::Mode::kNone, 0, "", 5};
  overrides.maintenance[{"app.example", "/api/"}] = {true, "migration", 6};
  overrides.maintenance[{"", ""}] = {false, "", 7};
  overrides.sticky_secret = "00ff";
  return overrides;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
}

TEST(StateFile, lies_beside_the_pid_file_by_default) {
  config::MainConfig main;
  main.pid = "/run/weir.pid";
  EXPECT_EQ(state_file_path(main), "/run/weir.state");
  main.pid = "/run/weir";
  EXPECT_EQ(state_file_path(main), "/run/weir.state");
  main.state_file = "/var/lib/weir/said";
  EXPECT_EQ(state_file_path(main), "/var/lib/weir/said");
  main.state_file = "off";
  EXPECT_EQ(state_file_path(main), "");
}

TEST(StateFile, loads_the_saved_overrides) {
  const TempDir dir;
  const StateFile file(dir / "weir.state");
  ASSERT_TRUE(file.save(some_overrides()));
  const StateFile::Loaded loaded = file.load();
  EXPECT_EQ(loaded.overrides, some_overrides());
  EXPECT_EQ(loaded.warning, "");
  EXPECT_EQ(mode_of(file.path()), 0600U);
  EXPECT_EQ(dir.files(), 1U);
}

TEST(StateFile, keeps_nothing_when_off) {
  const StateFile file;
  EXPECT_TRUE(file.save(some_overrides()));
  EXPECT_EQ(file.load().overrides, Overrides{});
}

TEST(StateFile, missing_file_is_no_warning) {
  const TempDir dir;
  EXPECT_EQ(StateFile(dir / "none").load().warning, "");
}

TEST(StateFile, empty_file_is_a_warning) {
  const TempDir dir;
  dir.write("empty", "");
  EXPECT_THAT(StateFile(dir / "empty").load().warning, HasSubstr("is empty"));
}

TEST(StateFile, corrupt_file_is_renamed) {
  const TempDir dir;
  dir.write("weir.state", "{\"version\": 1, \"peers\": [{\"upstream\": 7}]}");
  const StateFile::Loaded loaded = StateFile(dir / "weir.state").load();
  EXPECT_EQ(loaded.overrides, Overrides{});
  EXPECT_THAT(loaded.warning, HasSubstr("peers[0] has a \"upstream\" that makes no sense"));
  EXPECT_FALSE(dir.exists("weir.state"));
  EXPECT_THAT(dir.read("weir.state.bad"), HasSubstr("\"upstream\": 7"));
}

TEST(StateFile, unreadable_file_is_a_warning) {
  const TempDir dir;
  const StateFile::Loaded loaded = StateFile(dir.path()).load();  // a directory
  EXPECT_THAT(loaded.warning, HasSubstr("state file: not read"));
}

TEST(StateFile, reports_why_it_was_not_written) {
  const Status<> saved = StateFile("/nonexistent/weir.state").save({});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error(), HasSubstr("/nonexistent/weir.state"));
}

TEST(StateFile, is_replaced_whole) {
  const TempDir dir;
  const StateFile file(dir / "weir.state");
  ASSERT_TRUE(file.save(some_overrides()));
  ASSERT_EQ(::link(file.path().c_str(), (dir / "before").c_str()), 0);
  ASSERT_TRUE(file.save({}));
  EXPECT_EQ(file.load().overrides, Overrides{});
  EXPECT_EQ(*overrides_from_json(dir.read("before")), some_overrides());
}

TEST(StateFile, is_written_in_place_when_the_directory_is_read_only) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every directory";
  const TempDir dir;
  const StateFile file(dir / "weir.state");
  ASSERT_TRUE(file.save(some_overrides()));
  ASSERT_EQ(::chmod(dir.path().c_str(), 0500), 0);
  const Status<> saved = file.save({});
  ASSERT_EQ(::chmod(dir.path().c_str(), 0700), 0);
  ASSERT_TRUE(saved) << saved.error();
  EXPECT_EQ(dir.read("weir.state"), overrides_to_json({}));
}

TEST(StateFile, belongs_to_the_configured_user) {
  const TempDir dir;
  const StateFile file(dir / "weir.state");
  EXPECT_TRUE(file.give_to({"me", ::geteuid(), ::getegid()}));
  EXPECT_EQ(mode_of(file.path()), 0600U);
  EXPECT_EQ(file.load().warning, "");
}

TEST(StateFile, does_not_change_the_owner_of_other_files) {
  const TempDir dir;
  dir.write("other", "secret");
  ASSERT_EQ(::chmod((dir / "other").c_str(), 0644), 0);
  ASSERT_EQ(::symlink((dir / "other").c_str(), (dir / "link.state").c_str()), 0);
  ASSERT_EQ(::link((dir / "other").c_str(), (dir / "hard.state").c_str()), 0);
  EXPECT_TRUE(StateFile(dir / "link.state").give_to({"me", ::geteuid(), ::getegid()}));
  EXPECT_TRUE(StateFile(dir / "hard.state").give_to({"me", ::geteuid(), ::getegid()}));
  EXPECT_EQ(mode_of(dir / "other"), 0644U);
  dir.write("elsewhere/weir.state", "secret");
  ASSERT_EQ(::symlink((dir / "elsewhere").c_str(), (dir / "app").c_str()), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown((dir / "app").c_str(), 65534, 65534), 0);
  }
  ASSERT_EQ(::chmod((dir / "elsewhere/weir.state").c_str(), 0644), 0);
  EXPECT_FALSE(StateFile(dir / "app/weir.state").give_to({"other", ::geteuid() + 1, ::getegid()}));
  EXPECT_EQ(mode_of(dir / "elsewhere/weir.state"), 0644U);
}

TEST(Overrides, json_errors_name_the_fault) {
  const auto error = [](const std::string& text) { return overrides_from_json(text).error(); };
  EXPECT_EQ(error("{"), "it is not JSON");
  EXPECT_EQ(error("[]"), "it is not an object");
  EXPECT_THAT(error("{\"version\": 2}"), HasSubstr("version 2"));
  EXPECT_THAT(error("{\"version\": 1, \"peers\": {}}"), HasSubstr("\"peers\""));
  EXPECT_THAT(error("{\"version\": 1, \"peers\": [{\"mode\": \"odd\"}]}"), HasSubstr("\"mode\""));
  EXPECT_THAT(error("{\"version\": 1, \"peers\": [{\"weight\": -1}]}"), HasSubstr("\"weight\""));
  EXPECT_THAT(error("{\"version\": 1, \"peers\": [7]}"), HasSubstr("peers[0] is not an object"));
  EXPECT_THAT(error("{\"version\": 1, \"maintenance\": [{\"on\": 1}]}"), HasSubstr("\"on\""));
}

TEST(Overrides, json_survives_invalid_utf8) {
  Overrides overrides;
  overrides.maintenance[{"a", ""}] = {true, "\xff\xfe", 1};
  EXPECT_TRUE(overrides_from_json(overrides_to_json(overrides)));
}

TEST(Overrides, location_overrides_precede_those_of_the_server) {
  Overrides overrides;
  overrides.maintenance[{"a", ""}] = {true, "all", 1};
  overrides.maintenance[{"a", "/api/"}] = {false, "but this", 1};
  EXPECT_TRUE(overrides.maintenance_of("a", "/")->on);
  EXPECT_FALSE(overrides.maintenance_of("a", "/api/")->on);
  EXPECT_EQ(overrides.maintenance_of("b", "/"), nullptr);
  EXPECT_EQ(overrides.peer("myapp", "10.0.0.1:80"), nullptr);
}

}  // namespace
}  // namespace weir::runtime
