// A certificate from nothing to its renewal, and what may come between. No network, no clock.
#include "acme/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "acme/files.h"
#include "acme/jws.h"
#include "unit/acme/fake_ca.h"
#include "unit/temp_dir.h"

namespace weir::acme {
namespace {

using test::FakeCa;
using test::FakeClock;
using test::FakeDoor;
using testing::ElementsAre;
using testing::HasSubstr;
using State = CertificateStatus::State;

constexpr int64_t kDay = 86'400;

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() { restart(); }

  void restart() {
    keeper_ = std::make_unique<Keeper>(
        Keeper::Options{[this](const AcmeOptions&) { return std::make_unique<FakeDoor>(ca_); }, &clock_,
                        [this](const std::vector<Proof>& proofs) {
                          if (!proofs.empty()) shown_.push_back(proofs.front());
                          now_shown_ = proofs;
                        }});
    AcmeOptions options;
    options.directory = "https://ca/directory";
    options.state = dir_.path() + "/state";
    keeper_->want({options, {{{"a.test"}}}, possible_});
    store_ = std::make_unique<Store>(state_of_authority(options));
  }
  CertificateStatus look() {
    keeper_->look();
    return keeper_->status().at(0);
  }
  void pass(int64_t seconds) { clock_.now_ms += seconds * 1000; }
  size_t asked(const std::string& path) const {
    return static_cast<size_t>(std::count(ca_.asked.begin(), ca_.asked.end(), path));
  }

  TempDir dir_;
  FakeClock clock_;
  FakeCa ca_{clock_};
  std::vector<ChallengeKind> possible_ = {ChallengeKind::kHttp, ChallengeKind::kTlsAlpn};
  std::vector<Proof> shown_;
  std::vector<Proof> now_shown_;
  std::unique_ptr<Keeper> keeper_;
  std::unique_ptr<Store> store_;
};

TEST_F(KeeperTest, certificate_is_ordered_and_kept) {
  const CertificateStatus status = look();
  EXPECT_EQ(status.state, State::kValid) << status.error;
  EXPECT_EQ(keeper_->issued(), 1U);
  ASSERT_EQ(shown_.size(), 1U);
  EXPECT_EQ(shown_[0].kind, ChallengeKind::kHttp);
  EXPECT_EQ(shown_[0].key_authorization, key_authorization(*store_->account_key(), "token-of-1"));
  EXPECT_TRUE(now_shown_.empty());
  EXPECT_EQ(store_->account(), "https://ca/account/1");
  EXPECT_EQ(ca_.kid, "https://ca/account/1");
  EXPECT_EQ(store_->memory("a.test"), Memory{});
  const size_t before = ca_.asked.size();
  for (int i = 0; i < 10; ++i, pass(kDay)) look();
  EXPECT_EQ(ca_.asked.size(), before);
}

TEST_F(KeeperTest, certificate_is_renewed_between_two_thirds_and_three_quarters) {
  look();
  pass(60 * kDay - 100);
  look();
  EXPECT_EQ(keeper_->issued(), 1U);
  pass(90 * kDay / 12 + 200);
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(keeper_->issued(), 2U);
  EXPECT_EQ(asked("/account"), 1U);
}

TEST_F(KeeperTest, lost_nonces_are_forgiven_a_few_times) {
  ca_.trouble["/order"] = {3, 400, "badNonce", "", false};
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(asked("/order"), 4U);
}

TEST_F(KeeperTest, endless_bad_nonces_end_the_try) {
  ca_.trouble["/order"] = {100, 400, "badNonce", "", false};
  const CertificateStatus status = look();
  EXPECT_EQ(status.state, State::kFailed);
  EXPECT_THAT(status.error, HasSubstr("server not reached: the fake CA says no (badNonce)"));
  EXPECT_EQ(asked("/order"), static_cast<size_t>(Client::kMostNonces));
}

TEST_F(KeeperTest, failures_back_off_and_are_remembered_over_restarts) {
  ca_.authorization = "invalid";
  for (int failures = 1; failures < 8; ++failures) {
    const CertificateStatus status = look();
    EXPECT_EQ(status.failures, failures);
    EXPECT_THAT(status.error, HasSubstr("refused: a.test: "));
    EXPECT_GE(status.next_try - clock_.now(), back_off(Failure::Kind::kRefused, failures, 0, 0) * 4 / 5);
    EXPECT_EQ(ca_.orders, failures);
    restart();
    look();
    EXPECT_EQ(ca_.orders, failures);
    pass(status.next_try - clock_.now() - 1);
    look();
    EXPECT_EQ(ca_.orders, failures);
    pass(Keeper::kScan + 1);
  }
  ca_.authorization = "valid";
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(store_->memory("a.test"), Memory{});
}

TEST_F(KeeperTest, try_written_under_a_wrong_clock_is_made_now) {
  ASSERT_TRUE(store_->prepare());
  Memory memory;
  memory.tries = {1, clock_.now() + 3'650 * kDay};
  memory.error = "server not reached: expired";
  ASSERT_TRUE(store_->remember("a.test", memory));
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(keeper_->issued(), 1U);
}

TEST_F(KeeperTest, clock_that_is_set_back_stops_nothing) {
  pass(3'650 * kDay);
  ca_.trouble["/order"] = {1, 503, "down", "", false};
  const CertificateStatus failed = look();
  ASSERT_EQ(failed.state, State::kFailed) << failed.error;
  pass(-3'650 * kDay);
  EXPECT_EQ(look().state, State::kValid);
}

TEST_F(KeeperTest, kinds_of_challenges_take_turns) {
  ca_.authorization = "invalid";
  for (int i = 0; i < 3; ++i) pass(look().next_try - clock_.now() + 1);
  std::vector<ChallengeKind> kinds;
  for (const Proof& each : shown_) kinds.push_back(each.kind);
  EXPECT_THAT(kinds, ElementsAre(ChallengeKind::kHttp, ChallengeKind::kTlsAlpn, ChallengeKind::kHttp));
}

TEST_F(KeeperTest, impossible_challenges_are_named) {
  possible_.clear();
  restart();
  EXPECT_THAT(look().error, HasSubstr("no listener can answer a challenge"));
  EXPECT_EQ(ca_.orders, 0);
}

TEST_F(KeeperTest, rate_limit_is_waited_out) {
  ca_.trouble["/order"] = {1, 429, "rateLimited", "200000", false};
  const CertificateStatus limited = look();
  EXPECT_EQ(limited.next_try, clock_.now() + 200'000);
  EXPECT_THAT(limited.error, HasSubstr("rate limited"));
  pass(199'000);
  look();
  EXPECT_EQ(ca_.orders, 0);
  pass(1'001);
  EXPECT_EQ(look().state, State::kValid);
}

TEST_F(KeeperTest, server_that_is_down_is_asked_soon_again) {
  ca_.trouble["/directory"] = {1, 0, "", "", true};
  const CertificateStatus down = look();
  EXPECT_THAT(down.error, HasSubstr("server not reached: https://ca/directory: Could not connect to server"));
  EXPECT_LE(down.next_try - clock_.now(), 72);
  pass(73);
  EXPECT_EQ(look().state, State::kValid);
}

TEST_F(KeeperTest, order_that_stays_pending_is_gone_on_with) {
  ca_.finalized = "processing";
  const CertificateStatus waiting = look();
  EXPECT_EQ(waiting.state, State::kFailed);
  EXPECT_THAT(waiting.error, HasSubstr("the order is not issued after"));
  EXPECT_EQ(store_->memory("a.test").order, "https://ca/order/1");
  restart();
  pass(waiting.next_try - clock_.now() + 1);
  ca_.standing_of_orders = "valid";
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(ca_.orders, 1);
}

TEST_F(KeeperTest, order_that_is_gone_is_begun_anew) {
  ASSERT_TRUE(store_->prepare());
  for (const auto& [status, type] :
       std::vector<std::pair<int, std::string>>{{404, "malformed"}, {403, "unauthorized"}}) {
    ASSERT_TRUE(store_->remember("a.test", {{1, 0}, "https://ca/order/77", "x"}));
    ca_.trouble["/order/77"] = {1, status, type, "", false};
    EXPECT_EQ(look().state, State::kValid);
    pass(80 * kDay);
  }
  EXPECT_EQ(ca_.orders, 2);
}

TEST_F(KeeperTest, caa_refusal_at_the_end_is_named) {
  ca_.trouble["/finalize/"] = {1, 403, "caa", "", false};
  EXPECT_THAT(look().error, HasSubstr("refused: the fake CA says no (caa)"));
  EXPECT_EQ(store_->memory("a.test").order, "");
}

TEST_F(KeeperTest, unknown_account_is_made_anew) {
  look();
  ca_.trouble["/order"] = {1, 400, "accountDoesNotExist", "", false};
  pass(80 * kDay);
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(store_->account(), "https://ca/account/2");
}

TEST_F(KeeperTest, wrong_certificate_is_not_installed) {
  ca_.wrong_key = true;
  EXPECT_THAT(look().error, HasSubstr("the certificate is of another key"));
  EXPECT_FALSE(store_->installed("a.test"));
  EXPECT_EQ(store_->memory("a.test").order, "");
  ca_.wrong_key = false;
  ca_.wrong_names = {"b.test"};
  pass(2 * kDay);
  EXPECT_THAT(look().error, HasSubstr("the certificate is not for \"a.test\""));
}

TEST_F(KeeperTest, nonsense_of_the_server_is_a_failure) {
  ca_.trouble["/directory"] = {1, 200, "", "", false};
  EXPECT_THAT(look().error, HasSubstr("answer not understood: https://ca/directory"));
}

TEST_F(KeeperTest, lock_of_another_node_is_waited_for) {
  ASSERT_TRUE(store_->prepare());
  LockFile other(store_->lock_path());
  ASSERT_TRUE(other.take());
  const Proof proof{ChallengeKind::kHttp, "a.test", "tok", "tok.print"};
  ASSERT_TRUE(store_->publish(proof));
  EXPECT_EQ(look().state, State::kWaiting);
  EXPECT_TRUE(ca_.asked.empty());
  EXPECT_THAT(now_shown_, ElementsAre(proof));
  store_->withdraw_all();
  other.release();
  pass(Keeper::kScan + 1);
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_TRUE(now_shown_.empty());
}

TEST_F(KeeperTest, lost_lock_ends_the_try_without_blame) {
  clock_.on_wait = [this] {
    if (list_directory(store_->directory() + "/challenges").empty()) return;
    clock_.now_ms += LockFile::kRefreshAfter * 1000;
    (void)replace_file(store_->lock_path(), "elsewhere boot pid:[1] 7 abc\n");
  };
  EXPECT_EQ(look().state, State::kWaiting);
  EXPECT_EQ(keeper_->failed(), 0U);
  EXPECT_TRUE(now_shown_.empty());
}

TEST_F(KeeperTest, stop_is_no_failure) {
  clock_.on_wait = [this] { clock_.stopped = ca_.orders > 0; };
  EXPECT_EQ(look().failures, 0);
  EXPECT_EQ(keeper_->failed(), 0U);
  EXPECT_EQ(store_->memory("a.test").tries.failures, 0);
  EXPECT_EQ(store_->memory("a.test").order, "https://ca/order/1");
  EXPECT_FALSE(LockFile::is_there(store_->lock_path()));
}

TEST_F(KeeperTest, directory_that_cannot_be_made_is_named) {
  dir_.write("state", "a file");
  const CertificateStatus status = look();
  EXPECT_EQ(status.state, State::kFailed);
  EXPECT_THAT(status.error, HasSubstr("Not a directory"));
}

TEST_F(KeeperTest, broken_certificate_is_replaced) {
  look();
  ASSERT_TRUE(replace_file(store_->directory() + "/certificates/a.test.pem", "broken"));
  pass(Keeper::kScan + 1);
  EXPECT_EQ(look().state, State::kValid);
  EXPECT_EQ(keeper_->issued(), 2U);
}

TEST(Jws, request_is_signed_with_es256) {
  const auto key = io::SigningKey::make();
  ASSERT_TRUE(key);
  const auto text = sign_jws(*key, {"", "n1", "https://ca/account"}, "{\"a\":1}");
  ASSERT_TRUE(text);
  const auto outer = nlohmann::json::parse(*text);
  const auto head = nlohmann::json::parse(*decode_base64url(outer["protected"].get<std::string>()));
  EXPECT_EQ(head["alg"], "ES256");
  EXPECT_EQ(head["jwk"].dump(), public_jwk(*key));
  EXPECT_EQ(*decode_base64url(outer["payload"].get<std::string>()), "{\"a\":1}");
  const auto signature = decode_base64url(outer["signature"].get<std::string>());
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->size(), 64U);
  const auto with_account = sign_jws(*key, {"https://ca/account/1", "n2", "https://ca/order"}, "");
  const auto second =
      nlohmann::json::parse(*decode_base64url(nlohmann::json::parse(*with_account)["protected"].get<std::string>()));
  EXPECT_EQ(second["kid"], "https://ca/account/1");
  EXPECT_FALSE(second.contains("jwk"));
}

TEST(Encoding, base64url_text_is_read_back) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(decode_base64url(base64url(text)), text);
  EXPECT_EQ(base64url("\xff\xfe\xfd"), "__79");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(decode_base64url("Zg=="), "f");
  for (const char* bad : {"A", "Zh", "a+b/", "a b", "Zm9vA"}) EXPECT_EQ(decode_base64url(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace weir::acme
