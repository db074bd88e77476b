#include "base/address_families.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace weir {
namespace {

std::vector<SocketAddress> addresses(std::initializer_list<const char*> texts) {
  std::vector<SocketAddress> out;
  for (const char* text : texts) out.push_back(*SocketAddress::from_ip(text, 80));
  return out;
}

AddressFamilies families(std::initializer_list<const char*> interfaces) {
  return families_of(addresses(interfaces));
}

std::string kept(std::initializer_list<const char*> texts, AddressFamilies families) {
  std::vector<SocketAddress> all = addresses(texts);
  keep_families(all, families, [](const SocketAddress& each) { return each; });
  std::string out;
  for (const SocketAddress& each : all) out += each.to_string() + " ";
  return out;
}

TEST(AddressFamilies, family_counts_where_an_interface_has_its_address) {
  EXPECT_EQ(families({"127.0.0.1", "10.0.0.2"}), (AddressFamilies{true, false}));
  EXPECT_EQ(families({"10.0.0.2", "fe80::1"}), (AddressFamilies{true, true}));
  EXPECT_EQ(families({"2001:db8::2"}), (AddressFamilies{false, true}));
}

TEST(AddressFamilies, loopback_alone_does_not_count) {
  EXPECT_EQ(families({"127.0.0.1", "::1", "10.0.0.2"}), (AddressFamilies{true, false}));
  EXPECT_EQ(families({"127.0.0.1", "127.0.1.1", "::1", "2001:db8::2"}), (AddressFamilies{false, true}));
  EXPECT_EQ(families({"127.0.0.1", "::1"}), (AddressFamilies{true, true}));
  EXPECT_EQ(families({}), (AddressFamilies{true, true}));
}

TEST(AddressFamilies, address_of_a_missing_family_is_taken_out) {
  EXPECT_EQ(kept({"10.0.0.1", "2001:db8::1", "10.0.0.3"}, {true, false}), "10.0.0.1:80 10.0.0.3:80 ");
  EXPECT_EQ(kept({"10.0.0.1", "2001:db8::1"}, {false, true}), "[2001:db8::1]:80 ");
  EXPECT_EQ(kept({"10.0.0.1", "2001:db8::1"}, {true, true}), "10.0.0.1:80 [2001:db8::1]:80 ");
}

TEST(AddressFamilies, only_addresses_of_a_name_stay) {
  EXPECT_EQ(kept({"2001:db8::1"}, {true, false}), "[2001:db8::1]:80 ");
  EXPECT_EQ(kept({}, {true, false}), "");
}

}  // namespace
}  // namespace weir
