#include "cache/stored_head.h"

#include <gtest/gtest.h>

namespace weir::cache {
namespace {

StoredHead sample() {
  StoredHead head;
  head.freshness = {true, true, 3, 784111777, 30, 40};
  head.came_at = 784111700;
  head.body_bytes = 12345;
  head.status = 404;
  head.key = "httpapp/x?y";
  head.vary = "accept";
  head.variant = "accept:a\n";
  head.reason = "Not There";
  head.fields = {{"Content-Type", "text/plain"}, {"X-Empty", ""}};
  return head;
}

TEST(StoredHead, encoded_head_is_decoded_as_it_was) {
  const StoredHead head = sample();
  const std::string bytes = encode(head);
  ASSERT_EQ(head_bytes(bytes), bytes.size());
  StoredHead out;
  const std::string with_body = bytes + "the body";
  ASSERT_TRUE(decode(with_body, out));
  EXPECT_EQ(out.freshness.until, 784111777);
  EXPECT_EQ(out.freshness.stale_while_updating, 30);
  EXPECT_EQ(out.freshness.stale_if_error, 40);
  EXPECT_TRUE(out.freshness.must_revalidate);
  EXPECT_EQ(out.body_bytes, 12345);
  EXPECT_EQ(out.status, 404);
  EXPECT_EQ(out.key, head.key);
  EXPECT_EQ(out.vary, head.vary);
  EXPECT_EQ(out.variant, head.variant);
  EXPECT_EQ(out.reason, head.reason);
  EXPECT_EQ(out.fields, head.fields);
  EXPECT_EQ(out.age_at(784111710), 13);
  EXPECT_EQ(out.age_at(784111600), 3) << "a clock that went back";
  EXPECT_EQ(encode(out), bytes);
}

TEST(StoredHead, cut_or_changed_head_is_none) {
  const std::string bytes = encode(sample());
  StoredHead out;
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size), out)) << size;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(decode(changed, out)) << at;
  }
}

TEST(StoredHead, length_is_known_from_the_first_bytes) {
  const std::string bytes = encode(sample());
  EXPECT_EQ(head_bytes(bytes.substr(0, kLeastHead)), bytes.size());
  EXPECT_EQ(head_bytes(bytes.substr(0, kLeastHead - 1)), 0U);
  EXPECT_EQ(head_bytes(std::string(100, 'x')), 0U);
}

}  // namespace
}  // namespace weir::cache
