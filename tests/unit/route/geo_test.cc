// geo{} and split_clients{}.
#include "route/geo.h"

#include <gtest/gtest.h>

#include "route/map.h"
#include "route/split.h"
#include "unit/route/fake_source.h"

namespace weir::route {
namespace {

class GeoTest : public testing::Test {
 protected:
  std::string at(const Geo& geo, std::string_view address) { return std::string(geo.find(address, source_, arena_)); }
  FakeSource source_;
  Arena arena_;
};

TEST_F(GeoTest, most_specific_network_counts_in_any_order) {
  Geo geo;
  geo.set_default("far");
  EXPECT_FALSE(geo.add_network("10.1.2.3", "host").value());
  EXPECT_FALSE(geo.add_network("10.1.0.0/16", "sixteen").value());
  EXPECT_FALSE(geo.add_network("10.0.0.0/8", "eight").value());
  EXPECT_FALSE(geo.add_network("0.0.0.0/0", "all").value());
  EXPECT_FALSE(geo.add_network("2001:db8::/32", "six").value());
  geo.freeze();
  EXPECT_EQ(at(geo, "10.1.2.3"), "host");
  EXPECT_EQ(at(geo, "10.1.2.4"), "sixteen");
  EXPECT_EQ(at(geo, "10.2.0.0"), "eight");
  EXPECT_EQ(at(geo, "255.255.255.255"), "all");
  EXPECT_EQ(at(geo, "0.0.0.0"), "all");
  EXPECT_EQ(at(geo, "2001:db8:ffff::1"), "six");
  EXPECT_EQ(at(geo, "2001:db9::"), "far");
  EXPECT_EQ(at(geo, "::ffff:10.1.2.3"), "host");
}

TEST_F(GeoTest, later_line_of_one_network_takes_its_place) {
  Geo geo;
  EXPECT_FALSE(geo.add_network("10.0.0.0/8", "a").value());
  EXPECT_TRUE(geo.add_network("10.9.9.9/8", "b").value());
  EXPECT_TRUE(geo.add_network("192.0.2.0/24", "c").value() == false && geo.remove_network("192.0.2.0/24").value());
  EXPECT_FALSE(geo.remove_network("192.0.2.0/24").value());
  geo.freeze();
  EXPECT_EQ(at(geo, "10.0.0.1"), "b");
  EXPECT_EQ(at(geo, "192.0.2.1"), "");
}

TEST_F(GeoTest, wrong_networks_and_ranges_are_refused) {
  Geo geo;
  for (const char* each : {"", "10.0.0.0/33", "10.0.0", "::/129", "x", "10.0.0.1/", "10.0.0.1/-1", "[::1]"})
    EXPECT_FALSE(geo.add_network(each, "v")) << each;
  for (const char* each : {"10.0.0.9-10.0.0.1", "10.0.0.1", "::1-::2", "10.0.0.1-", "-10.0.0.1"})
    EXPECT_FALSE(geo.add_range(each, "v")) << each;
  EXPECT_FALSE(geo.add_proxy("10.0.0.0/99"));
}

TEST_F(GeoTest, range_inside_another_takes_its_part) {
  Geo geo;
  EXPECT_TRUE(geo.add_range("10.0.0.0-10.0.0.255", "outer"));
  EXPECT_TRUE(geo.add_range("10.0.0.16-10.0.0.31", "inner"));
  EXPECT_FALSE(geo.add_range("10.0.0.24-10.0.0.40", "across"));
  EXPECT_FALSE(geo.add_range("9.0.0.0-11.0.0.0", "around"));
  EXPECT_TRUE(geo.add_range("255.255.255.0-255.255.255.255", "last"));
  EXPECT_TRUE(geo.add_range("10.0.1.0-10.0.1.255", "beside"));
  EXPECT_TRUE(geo.remove_range("10.0.1.0-10.0.1.255"));
  geo.freeze();
  EXPECT_EQ(at(geo, "10.0.0.15"), "outer");
  EXPECT_EQ(at(geo, "10.0.0.16"), "inner");
  EXPECT_EQ(at(geo, "10.0.0.31"), "inner");
  EXPECT_EQ(at(geo, "10.0.0.32"), "outer");
  EXPECT_EQ(at(geo, "10.0.1.0"), "");
  EXPECT_EQ(at(geo, "255.255.255.255"), "last");
  EXPECT_EQ(at(geo, "unix:"), "last") << "as nginx's INADDR_NONE";
}

TEST_F(GeoTest, random_networks_agree_with_a_walk_over_all) {
  uint32_t state = 1;
  const auto random = [&state] { return state = state * 1664525 + 1013904223; };
  struct Entry {
    uint32_t network;
    uint32_t bits;
    std::string value;
  };
  Geo geo;
  std::vector<Entry> entries;
  const auto text = [](uint32_t n) {
    return std::to_string(n >> 24) + "." + std::to_string(n >> 16 & 255) + "." + std::to_string(n >> 8 & 255) + "." +
           std::to_string(n & 255);
  };
  const auto mask = [](uint32_t bits) { return bits == 0 ? 0U : ~0U << (32 - bits); };
  for (int i = 0; i < 300; ++i) {
    const uint32_t bits = random() >> 16 & 15;  // few bits: they lie in each other
    const uint32_t network = random() & mask(bits);
    const std::string value = std::to_string(i);
    std::erase_if(entries, [&](const Entry& each) { return each.bits == bits && each.network == network; });
    entries.push_back({network, bits, value});
    ASSERT_TRUE(geo.add_network(text(network) + "/" + std::to_string(bits), value));
  }
  geo.freeze();
  for (int i = 0; i < 2000; ++i) {
    const uint32_t address = random();
    const Entry* best = nullptr;
    for (const Entry& each : entries)
      if ((address & mask(each.bits)) == each.network && (best == nullptr || each.bits > best->bits)) best = &each;
    ASSERT_EQ(at(geo, text(address)), best != nullptr ? best->value : "") << text(address);
  }
}

TEST(Murmur2, vectors_are_those_of_nginx) {
  constexpr std::pair<std::string_view, uint32_t> kVectors[] = {
      {"", 0},
      {"a", 2456313694},
      {"ab", 446775395},
      {"abc", 324500635},
      {"abcd", 646393889},
      {"abcde", 1594468574},
      {"user-1", 21187135},
      {"a longer text, of more than sixteen bytes", 1045212470}};
  for (const auto& [text, hash] : kVectors) EXPECT_EQ(murmur2(text), hash) << text;
}

TEST(Split, parts_add_up_to_a_hundred_percent) {
  Split split;
  EXPECT_TRUE(split.add(6000, "a"));
  EXPECT_FALSE(split.add(6000, "b"));
  Split whole;
  EXPECT_TRUE(whole.add(5000, "a"));
  EXPECT_TRUE(whole.add(5000, "b"));
  FakeSource source;
  Arena arena;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(whole.find(std::to_string(i), source, arena).empty());
}

}  // namespace
}  // namespace weir::route
