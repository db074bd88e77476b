// What is kept in the state directory, and whose turn it is.
#include "acme/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

#include "acme/files.h"
#include "acme/lock_file.h"
#include "unit/temp_dir.h"

namespace weir::acme {
namespace {

using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.prepare()); }
  static int mode(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? static_cast<int>(found.st_mode & 0777) : -1;
  }
  TempDir dir_;
  Store store_{dir_.path() + "/state/ca-1"};
};

TEST_F(StoreTest, account_key_is_made_once_and_secret) {
  const auto first = store_.account_key();
  const auto second = store_.account_key();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->pem(), second->pem());
  EXPECT_EQ(mode(store_.directory() + "/account.key"), 0600);
  EXPECT_EQ(mode(store_.directory()), 0700);
}

TEST_F(StoreTest, broken_account_key_is_an_error) {
  ASSERT_TRUE(replace_file(store_.directory() + "/account.key", "nothing"));
  const auto key = store_.account_key();
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error(), HasSubstr("account key"));
}

TEST_F(StoreTest, memory_survives_and_ends_with_success) {
  EXPECT_EQ(store_.memory("a.test"), Memory{});
  const Memory memory{{3, 1'234'567'890}, "https://ca/order/1", "refused: \"no\""};
  ASSERT_TRUE(store_.remember("a.test", memory));
  EXPECT_EQ(store_.memory("a.test"), memory);
  ASSERT_TRUE(store_.remember("a.test", {}));
  EXPECT_EQ(store_.memory("a.test"), Memory{});
  EXPECT_TRUE(list_directory(store_.directory() + "/tries").empty());
  for (const char* text : {"", "[]", "{\"failures\":\"x\",\"next_try\":{}}", "{\"failures\":-7}"})
    EXPECT_EQ(memory_from_json(text), Memory{}) << text;
}

TEST_F(StoreTest, certificate_is_installed_with_its_key) {
  const auto now = static_cast<int64_t>(std::time(nullptr));
  const auto key = store_.pending_key("a.test");
  ASSERT_TRUE(key);
  EXPECT_EQ(store_.pending_key("a.test")->pem(), key->pem());
  const auto certificate = key->certificate({{"a.test", "127.0.0.1"}, now - 10, now + 1'000, {}});
  ASSERT_TRUE(certificate);
  EXPECT_FALSE(store_.installed("a.test"));
  ASSERT_TRUE(store_.install("a.test", *certificate, *key));
  const auto facts = store_.installed("a.test");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->not_after, now + 1'000);
  EXPECT_THAT(facts->names, testing::ElementsAre("a.test", "127.0.0.1"));
  EXPECT_NE(store_.pending_key("a.test")->pem(), key->pem());
  // One that cannot be used with its key is none.
  ASSERT_TRUE(store_.install("b.test", *certificate, *io::SigningKey::make()));
  EXPECT_FALSE(store_.installed("b.test"));
}

TEST_F(StoreTest, proofs_are_seen_by_other_nodes) {
  const Proof http{ChallengeKind::kHttp, "a.test", "tok", "tok.print"};
  const Proof tls{ChallengeKind::kTlsAlpn, "b.test", "tok", "tok.print"};
  ASSERT_TRUE(store_.publish(http));
  ASSERT_TRUE(store_.publish(tls));
  EXPECT_THAT(Store(store_.directory()).proofs(), testing::UnorderedElementsAre(http, tls));
  store_.withdraw(http);
  EXPECT_THAT(store_.proofs(), testing::ElementsAre(tls));
  store_.withdraw_all();
  EXPECT_TRUE(store_.proofs().empty());
  for (const char* text : {"", "{}", R"({"kind":"http-01","token":"../x","key_authorization":"../x.y"})",
                           R"({"kind":"dns-01","token":"x","key_authorization":"x.y"})",
                           R"({"kind":"http-01","token":"x","key_authorization":"other"})"})
    EXPECT_FALSE(proof_from_json(text)) << text;
}

TEST_F(StoreTest, lock_is_one_holders) {
  LockFile one(store_.lock_path()), two(store_.lock_path());
  EXPECT_TRUE(one.take());
  EXPECT_FALSE(two.take());
  EXPECT_EQ(two.why(), "");
  EXPECT_TRUE(LockFile::is_there(store_.lock_path()));
  EXPECT_TRUE(one.refresh());
  one.release();
  EXPECT_FALSE(LockFile::is_there(store_.lock_path()));
  EXPECT_TRUE(two.take());
}

TEST_F(StoreTest, lock_of_a_dead_process_is_taken) {
  const pid_t child = ::fork();
  if (child == 0) {
    LockFile lock(store_.lock_path());
    ::_exit(lock.take() ? 0 : 1);  // no destructor: as if it were killed
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  LockFile lock(store_.lock_path());
  EXPECT_TRUE(lock.take());
}

TEST_F(StoreTest, lock_of_another_machine_is_taken_when_it_is_old) {
  ASSERT_TRUE(replace_file(store_.lock_path(), "elsewhere boot pid:[1] 7 abc\n"));
  LockFile lock(store_.lock_path());
  EXPECT_FALSE(lock.take());
  timespec times[2] = {};
  times[0].tv_sec = times[1].tv_sec = std::time(nullptr) - LockFile::kStaleAfter - 5;
  ASSERT_EQ(::utimensat(AT_FDCWD, store_.lock_path().c_str(), times, 0), 0);
  EXPECT_TRUE(lock.take());
}

TEST_F(StoreTest, lost_lock_is_noticed_and_left_alone) {
  LockFile lock(store_.lock_path());
  ASSERT_TRUE(lock.take());
  ASSERT_TRUE(replace_file(store_.lock_path(), "elsewhere boot pid:[1] 7 abc\n"));
  EXPECT_FALSE(lock.refresh());
  lock.release();
  EXPECT_TRUE(LockFile::is_there(store_.lock_path()));
}

TEST_F(StoreTest, missing_directory_is_named_by_the_lock) {
  LockFile lock(dir_.path() + "/nowhere/lock");
  EXPECT_FALSE(lock.take());
  EXPECT_THAT(lock.why(), HasSubstr("No such file"));
}

TEST(AcmeOptionsTest, names_of_files_are_those_of_certificates) {
  AcmeOptions options;
  options.state = "/s";
  EXPECT_THAT(certificate_file(options, {"a.test"}),
              testing::MatchesRegex("/s/acme-v02.api.letsencrypt.org-[0-9a-f]{8}/certificates/a.test.pem"));
  EXPECT_EQ(file_stem({"b.test", "a.test"}).substr(0, 7), "b.test-");
  EXPECT_NE(file_stem({"a.test", "b.test"}), file_stem({"a.test", "c.test"}));
  const std::string before = state_of_authority(options);
  options.directory = "https://localhost:14000/dir";
  EXPECT_NE(state_of_authority(options), before);
  for (const char* good : {"a.test", "localhost", "xn--bcher-kva.example", "a-b.1.test"})
    EXPECT_TRUE(is_certifiable(good)) << good;
  for (const char* bad : {"", "*.a.test", "a..b", ".a", "a.", "-a.b", "a_b.c", "10.0.0.1", "::1", "a/b", "../a"})
    EXPECT_FALSE(is_certifiable(bad)) << bad;
}

}  // namespace
}  // namespace weir::acme
