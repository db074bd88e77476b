// What runs for every request allocates nothing.
#include <gtest/gtest.h>

#include "route/host_table.h"
#include "route/location_table.h"
#include "route/map.h"
#include "unit/count_allocations.h"

namespace weir::route {
namespace {

class Constant final : public VariableSource {
 public:
  VariableValue variable(const VariableRef& ref, Arena& arena) const override {
    if (ref.id == Var::kMap) return {ref.map->lookup(*this, arena), true};
    return {"a text that is longer than any small string", true};
  }
};

TEST(Allocations, counter_counts_allocations) {
  int* p = nullptr;
  EXPECT_EQ(count_allocations([&] { p = new int(1); }), 1u);
  delete p;
}

TEST(Allocations, finding_a_host_makes_none) {
  HostTable table;
  ASSERT_TRUE(table.add("www.example.org", 1));
  ASSERT_TRUE(table.add("*.some.quite.long.name.example.org", 2));
  ASSERT_TRUE(table.add("mail.*", 3));
  ASSERT_TRUE(table.add("~^(\\w+)\\.regex\\.example$", 4));
  RegexMatch match;
  table.find("warm.regex.example", &match);
  EXPECT_EQ(count_allocations([&] {
              table.find("www.example.org");
              table.find("x.some.quite.long.name.example.org");
              table.find("mail.some.quite.long.name.example.org");
              table.find("word.regex.example", &match);
              table.find("not.there.at.all.example.org");
            }),
            0u);
}

TEST(Allocations, finding_a_location_makes_none) {
  LocationTable inner;
  ASSERT_TRUE(inner.add(LocationKind::kRegex, "\\.(png|js)$", 5));
  inner.freeze();
  LocationTable table;
  ASSERT_TRUE(table.add(LocationKind::kPrefix, "/", 1));
  ASSERT_TRUE(table.add(LocationKind::kPrefix, "/static/of/this/application/", 2, &inner));
  ASSERT_TRUE(table.add(LocationKind::kExact, "/exact/path/of/some/length", 3));
  ASSERT_TRUE(table.add(LocationKind::kRegex, "^/api/(\\w+)", 4));
  table.freeze();
  table.find("/api/warm");
  EXPECT_EQ(count_allocations([&] {
              table.find("/exact/path/of/some/length");
              table.find("/static/of/this/application/image.png");
              table.find("/api/users:list");
              table.find("/something/else/that/is/long");
            }),
            0u);
}

TEST(Allocations, rendering_and_maps_make_none_in_a_warm_arena) {
  VariableNames names;
  const auto map = std::make_shared<Map>(*Template::compile("$host", names), true, false);
  ASSERT_TRUE(map->add("~^a (text)", *Template::compile("[$1|$scheme]", names)));
  names.declare_map("mapped", map);
  const auto text = Template::compile("$scheme://$host$request_uri and $mapped", names);
  ASSERT_TRUE(text);
  const Constant source;
  Arena arena;
  text->render(source, arena);
  arena.reset();
  EXPECT_EQ(count_allocations([&] {
              text->render(source, arena);
              normalise_path("/a//b/../c%20d", arena);
            }),
            0u);
}

}  // namespace
}  // namespace weir::route
