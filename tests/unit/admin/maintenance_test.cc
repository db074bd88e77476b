// Which servers and locations a maintenance change means.
#include "admin/maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

config::LocationModel location(const char* pattern) {
  config::LocationModel made;
  made.pattern = pattern;
  return made;
}

config::Model model() {
  config::Model made;
  config::ServerModel first, second;
  first.names = {"a.example", "www.a.example"};
  first.locations.push_back(location("/api/"));
  first.locations.back().nested.push_back(location("/api/deep/"));
  first.locations.push_back(location("@backend"));
  second.names = {""};
  second.locations.push_back(location("/"));
  made.servers.push_back(std::move(first));
  made.servers.push_back(std::move(second));
  return made;
}

TEST(FindMaintenance, no_server_is_every_server) {
  EXPECT_THAT(*find_maintenance(model(), "", ""), ElementsAre(Pair("", ""), Pair("a.example", "")));
}

TEST(FindMaintenance, accepts_any_name_of_a_server) {
  EXPECT_THAT(*find_maintenance(model(), "www.a.example", ""), ElementsAre(Pair("a.example", "")));
  EXPECT_THAT(*find_maintenance(model(), "WWW.A.example", ""), ElementsAre(Pair("a.example", "")));
}

TEST(FindMaintenance, locations_are_found_as_written_nested_and_named_ones_too) {
  EXPECT_THAT(*find_maintenance(model(), "a.example", "/api/"), ElementsAre(Pair("a.example", "/api/")));
  EXPECT_THAT(*find_maintenance(model(), "a.example", "/api/deep/"), ElementsAre(Pair("a.example", "/api/deep/")));
  EXPECT_THAT(*find_maintenance(model(), "a.example", "/@backend"), ElementsAre(Pair("a.example", "@backend")));
  EXPECT_THAT(*find_maintenance(model(), "a.example", "api/"), ElementsAre(Pair("a.example", "/api/")));
}

TEST(FindMaintenance, errors_list_known_names) {
  const auto server = find_maintenance(model(), "b.example", "");
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error(), HasSubstr("no server is named \"b.example\"; there are: \"\", a.example"));
  const auto place = find_maintenance(model(), "a.example", "/x");
  ASSERT_FALSE(place);
  EXPECT_THAT(place.error(), HasSubstr("no location \"/x\"; it has: /api/, /api/deep/, @backend"));
}

}  // namespace
}  // namespace weir::admin
