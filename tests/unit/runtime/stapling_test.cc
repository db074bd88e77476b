// When OCSP answers are asked for, which are shown, and what a responder in trouble changes.
#include "runtime/stapling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include <ctime>
#include <functional>

#include "unit/tls_certificates.h"

namespace weir::runtime {
namespace {

using testing::HasSubstr;
using weir::test::make_certificate;
using weir::test::TestCertificate;

constexpr const char* kUrl = "http://ocsp.test/";

struct FakeDoor final : fetch::HttpDoor {
  Result<fetch::Answer> ask(const fetch::Request& request) override {
    ++asked;
    EXPECT_EQ(request.url, kUrl);
    EXPECT_EQ(request.content_type, "application/ocsp-request");
    return answer();
  }
  int asked = 0;
  std::function<Result<fetch::Answer>()> answer;
};

class StaplingTest : public testing::Test {
 protected:
  StaplingTest() {
    const auto made = io::OcspSubject::make({leaf_.certificate.get(), authority_.certificate.get()}, "a.pem",
                                            {.responder = kUrl, .verify = false, .trusted = {}});
    subject_ = *made;
    door_.answer = [this] { return Result<fetch::Answer>(fetch::Answer{200, {}, answer_of(leaf_)}); };
  }

  // Signed by the authority.
  std::string answer_of(const TestCertificate& certificate, int status = V_OCSP_CERTSTATUS_GOOD, long until_s = 86'400,
                        const TestCertificate* signer = nullptr) {
    OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
    OCSP_CERTID* id = OCSP_cert_to_id(nullptr, certificate.certificate.get(), authority_.certificate.get());
    ASN1_TIME* from = X509_time_adj(nullptr, -600, &now_);
    ASN1_TIME* until = X509_time_adj(nullptr, until_s, &now_);
    ASN1_TIME* revoked = status == V_OCSP_CERTSTATUS_REVOKED ? X509_time_adj(nullptr, -600, &now_) : nullptr;
    OCSP_basic_add1_status(basic, id, status, 0, revoked, from, until);
    const TestCertificate& by = signer != nullptr ? *signer : authority_;
    OCSP_basic_sign(basic, by.certificate.get(), by.key.get(), EVP_sha256(), nullptr, 0);
    OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    std::string text(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    ASN1_TIME_free(revoked);
    ASN1_TIME_free(until);
    ASN1_TIME_free(from);
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    return text;
  }
  std::string why(const std::string& answer) {
    const auto staple = subject_->judge(answer, now_);
    return staple ? "fine" : staple.error();
  }
  void look(int64_t later) { fetcher_.look({subject_}, now_ + later); }
  bool is_stapled(int64_t later) { return book_.find(subject_->certificate(), now_ + later) != nullptr; }

  time_t now_ = std::time(nullptr);
  TestCertificate authority_ = make_certificate({.names = {"CA"}, .authority = true});
  TestCertificate leaf_ = make_certificate({.names = {"a.test"}, .issuer = &authority_});
  std::shared_ptr<const io::OcspSubject> subject_;
  FakeDoor door_;
  io::StapleBook book_;
  StapleFetcher fetcher_{door_, book_};
};

TEST_F(StaplingTest, answers_are_judged) {
  const TestCertificate other = make_certificate({.names = {"b.test"}, .issuer = &authority_});
  const TestCertificate stranger = make_certificate({.names = {"CA"}, .authority = true});
  EXPECT_EQ(why(answer_of(leaf_)), "fine");
  EXPECT_THAT(why("nonsense"), HasSubstr("it is no OCSP answer"));
  EXPECT_EQ(why(answer_of(other)), "it is for another certificate");
  EXPECT_EQ(why(answer_of(leaf_, V_OCSP_CERTSTATUS_REVOKED)), "the certificate is \"revoked\"");
  EXPECT_EQ(why(answer_of(leaf_, V_OCSP_CERTSTATUS_UNKNOWN)), "the certificate is \"unknown\"");
  EXPECT_EQ(why(answer_of(leaf_, V_OCSP_CERTSTATUS_GOOD, -60)), "it has run out");
  std::string broken = answer_of(leaf_);
  const size_t signed_digit = broken.find('Z') - 1;  // of a time; what is not signed may change unseen
  broken[signed_digit] = static_cast<char>(broken[signed_digit] ^ 1);
  EXPECT_NE(why(broken), "fine");
  const auto strict = io::OcspSubject::make({leaf_.certificate.get(), authority_.certificate.get()}, "a.pem",
                                            {.responder = kUrl, .verify = true, .trusted = authority_.pem()});
  ASSERT_TRUE(strict);
  EXPECT_TRUE((*strict)->judge(answer_of(leaf_), now_));
  EXPECT_FALSE((*strict)->judge(answer_of(leaf_, V_OCSP_CERTSTATUS_GOOD, 86'400, &stranger), now_));
  const auto untrusting = io::OcspSubject::make({leaf_.certificate.get(), authority_.certificate.get()}, "a.pem",
                                                {.responder = kUrl, .verify = true, .trusted = stranger.pem()});
  ASSERT_TRUE(untrusting);
  EXPECT_FALSE((*untrusting)->judge(answer_of(leaf_), now_));
}

TEST_F(StaplingTest, certificate_without_issuer_or_responder_has_no_answers) {
  const auto alone =
      io::OcspSubject::make({leaf_.certificate.get()}, "a.pem", {.responder = kUrl, .verify = false, .trusted = {}});
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error(), HasSubstr("issuer"));
  const auto silent = io::OcspSubject::make({leaf_.certificate.get(), authority_.certificate.get()}, "a.pem", {});
  ASSERT_FALSE(silent);
  EXPECT_THAT(silent.error(), HasSubstr("no OCSP responder"));
}

TEST_F(StaplingTest, answer_is_kept_and_asked_for_again_in_time) {
  look(0);
  EXPECT_TRUE(is_stapled(0));
  EXPECT_TRUE(is_stapled(86'000));
  EXPECT_FALSE(is_stapled(86'401));
  look(StapleFetcher::kRefresh - 1);
  EXPECT_EQ(door_.asked, 1);
  look(StapleFetcher::kRefresh);
  EXPECT_EQ(door_.asked, 2);
}

TEST_F(StaplingTest, failures_double_the_wait_and_leave_the_answer) {
  look(0);
  door_.answer = [] { return Result<fetch::Answer>(Unexpected{std::string("Could not connect to server")}); };
  int64_t at = StapleFetcher::kRefresh;
  look(at);
  for (int64_t wait = StapleFetcher::kFirstRetry; wait < StapleFetcher::kLastRetry; wait *= 2) {
    const int before = door_.asked;
    look(at + wait - 1);
    EXPECT_EQ(door_.asked, before);
    at += wait;
    look(at);
    EXPECT_EQ(door_.asked, before + 1);
  }
  EXPECT_TRUE(is_stapled(at));
  door_.answer = [this] { return Result<fetch::Answer>(fetch::Answer{503, {}, answer_of(leaf_)}); };
  look(at + StapleFetcher::kLastRetry);
  EXPECT_TRUE(is_stapled(at + StapleFetcher::kLastRetry));
}

TEST_F(StaplingTest, certificate_that_is_gone_is_not_asked_for) {
  look(0);
  fetcher_.look({}, now_ + 100'000);
  EXPECT_EQ(door_.asked, 1);
  fetcher_.look({subject_, subject_}, now_ + 1);
  EXPECT_EQ(door_.asked, 2);
}

}  // namespace
}  // namespace weir::runtime
