// What is kept warm follows what was needed of late.
#include "proxy/spare_list.h"

#include <gtest/gtest.h>

namespace weir::proxy {
namespace {

TEST(SpareList, lends_the_most_recently_returned) {
  SpareList<int> list;
  EXPECT_EQ(list.take(), nullptr);
  EXPECT_EQ(list.next(), nullptr);
  list.give(std::make_unique<int>(1));
  list.give(std::make_unique<int>(2));
  EXPECT_EQ(*list.next(), 2);
  EXPECT_EQ(*list.take(), 2);
  EXPECT_EQ(*list.take(), 1);
  EXPECT_EQ(list.take(), nullptr);
}

TEST(SpareList, halves_its_surplus) {
  SpareList<int> list;
  for (int i = 0; i < 1000; ++i) list.give(std::make_unique<int>(i));
  list.shrink();
  EXPECT_EQ(list.size(), 1000u) << "all of them came back just now";
  // 300 in use at once in each interval: 300 stay, and the surplus of 700 halves.
  size_t before = list.size();
  for (int interval = 0; interval < 20; ++interval) {
    std::vector<std::unique_ptr<int>> lent;
    for (int i = 0; i < 300; ++i) lent.push_back(list.take());
    for (auto& object : lent) list.give(std::move(object));
    list.shrink();
    EXPECT_LE(list.size(), before);
    before = list.size();
  }
  EXPECT_EQ(list.size(), 300u);
  // Nobody needs any.
  for (int interval = 0; interval < 20; ++interval) list.shrink();
  EXPECT_EQ(list.size(), SpareList<int>::kKept);
  EXPECT_FALSE(list.can_shrink());
}

}  // namespace
}  // namespace weir::proxy
