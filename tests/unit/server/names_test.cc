// Host names of upstream servers over loads and retries.
#include "server/names.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::server {
namespace {

class Dns {
 public:
  NameBook::Lookup lookup() {
    return [this](const std::string& host, uint16_t port, Millis) -> Result<std::vector<SocketAddress>> {
      ++asked;
      if (!known.contains(host)) return Unexpected{std::string("host not found in upstream \"") + host + "\""};
      return std::vector<SocketAddress>{*SocketAddress::from_ip("10.0.0.1", port)};
    };
  }
  std::set<std::string> known;
  int asked = 0;
};

TEST(NameBook, asks_once_a_load_for_each_name) {
  Dns dns;
  dns.known = {"app"};
  NameBook names(dns.lookup());
  const ResolveName resolve = names.fresh();
  EXPECT_TRUE(resolve("app", 80));
  EXPECT_TRUE(resolve("app", 80));
  EXPECT_FALSE(resolve("none", 80));
  EXPECT_FALSE(resolve("none", 80));
  EXPECT_EQ(dns.asked, 2);
}

TEST(NameBook, says_why_a_name_has_no_address) {
  Dns dns;
  NameBook names(dns.lookup());
  const auto answer = names.fresh()("none", 80);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), "host not found in upstream \"none\"");
  EXPECT_TRUE(names.has_unresolved());
}

TEST(NameBook, keeps_the_addresses_of_a_name_that_fails_later) {
  Dns dns;
  dns.known = {"app"};
  NameBook names(dns.lookup());
  ASSERT_TRUE(names.fresh()("app", 80));
  dns.known.clear();
  EXPECT_TRUE(names.fresh()("app", 80));
  EXPECT_FALSE(names.has_unresolved());
}

TEST(NameBook, asks_again_only_for_what_is_missing) {
  Dns dns;
  dns.known = {"app"};
  NameBook names(dns.lookup());
  const ResolveName resolve = names.fresh();
  (void)resolve("app", 80);
  (void)resolve("late", 80);
  dns.asked = 0;
  EXPECT_FALSE(names.retry());
  EXPECT_EQ(dns.asked, 1);
  dns.known.insert("late");
  EXPECT_TRUE(names.retry());
  EXPECT_FALSE(names.has_unresolved());
  EXPECT_TRUE(names.known()("late", 80));
}

TEST(NameBook, asks_nobody_once_it_is_cancelled) {
  Dns dns;
  dns.known = {"app"};
  NameBook names(dns.lookup());
  names.cancel();
  EXPECT_FALSE(names.fresh()("app", 80));
  EXPECT_EQ(dns.asked, 0);
}

}  // namespace
}  // namespace weir::server
