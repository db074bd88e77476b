// auth_basic and its file.
#include "filter/auth_basic.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "base/base64.h"
#include "filter/user_file.h"
#include "unit/filter/fake_services.h"
#include "unit/temp_dir.h"

namespace weir::filter {
namespace {

constexpr const char* kUsers =
    "# who may\n"
    "anna:{PLAIN}secret:a comment\n"
    "bert:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\r\n"
    "anna:{PLAIN}second\n"
    "odd:$9$unknown\n"
    ":{PLAIN}nobody\n"
    "last:{PLAIN}line";

class UserFileTest : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(path_) << text; }
  UserFile::Verdict verify(const std::string& user, const std::string& password) {
    return file_.verify({user, password}, now_);
  }

  const TempDir dir_;
  const std::string path_ = dir_.path() + "/users";
  UserFile file_{path_};
  MonoMs now_ = 1'000'000;
};

TEST_F(UserFileTest, users_and_hashes_are_read) {
  write(kUsers);
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kRight);
  EXPECT_EQ(verify("bert", "secret"), UserFile::Verdict::kRight);
  EXPECT_EQ(verify("last", "line"), UserFile::Verdict::kRight);
  EXPECT_EQ(verify("anna", "second"), UserFile::Verdict::kWrong) << "the first line of a name counts";
  EXPECT_EQ(verify("odd", "x"), UserFile::Verdict::kWrong);
  EXPECT_EQ(verify("", "nobody"), UserFile::Verdict::kWrong);
  EXPECT_EQ(verify("# who may", ""), UserFile::Verdict::kWrong);
  EXPECT_EQ(verify("carl", "secret"), UserFile::Verdict::kWrong);
}

TEST_F(UserFileTest, right_password_is_recalled_for_a_while) {
  write(kUsers);
  EXPECT_FALSE(file_.recalls({"anna", "secret"}, now_));
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kRight);
  EXPECT_TRUE(file_.recalls({"anna", "secret"}, now_ + UserFile::kLookEvery - 1));
  EXPECT_FALSE(file_.recalls({"anna", "secret"}, now_ + UserFile::kLookEvery)) << "the file may have changed";
  EXPECT_FALSE(file_.recalls({"anna", "other"}, now_));
  EXPECT_FALSE(file_.recalls({"bert", "secret"}, now_));
}

TEST_F(UserFileTest, change_of_the_file_is_seen) {
  write("anna:{PLAIN}old");
  EXPECT_EQ(verify("anna", "old"), UserFile::Verdict::kRight);
  write("anna:{PLAIN}new");
  EXPECT_EQ(verify("anna", "old"), UserFile::Verdict::kWrong);
  EXPECT_FALSE(file_.recalls({"anna", "old"}, now_));
  EXPECT_EQ(verify("anna", "new"), UserFile::Verdict::kRight);
  write("bert:{PLAIN}new");
  EXPECT_EQ(verify("anna", "new"), UserFile::Verdict::kWrong);
}

TEST_F(UserFileTest, missing_file_differs_from_an_unreadable_one) {
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kMissing);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kUnreadable);
  ASSERT_EQ(::rmdir(path_.c_str()), 0);
  write(kUsers);
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kRight);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kMissing);
  EXPECT_FALSE(file_.recalls({"anna", "secret"}, now_));
}

TEST_F(UserFileTest, file_of_more_than_its_bound_is_refused) {
  write(std::string(UserFile::kMostBytes + 1, 'x'));
  EXPECT_EQ(verify("anna", "secret"), UserFile::Verdict::kUnreadable);
}

class AuthBasicTest : public testing::Test {
 protected:
  AuthBasicTest() { std::ofstream(dir_.path() + "/users") << kUsers; }
  ~AuthBasicTest() override { end(); }
  void end() {
    if (state_ != nullptr) state_->~State();
    state_ = nullptr;
  }
  void use(const std::string& realm, const std::string& file) {
    check_ = make_auth_basic({.realm = route::Template::literal(realm),
                              .user_file = route::Template::literal(file),
                              .directory = dir_.path() + "/"});
  }
  AccessCheck::Answer ask(const std::string& authorization) {
    end();
    request_.fields.clear();
    authorization_ = authorization;
    if (!authorization.empty())
      request_.fields.add("Authorization", authorization_, http::HeaderToken::kAuthorization, false);
    return again();
  }
  AccessCheck::Answer again() {
    Context context{variables_, arena_, chunks_, {}, state_, client_, false, &services_};
    const AccessCheck::Answer answer = check_->check(context, request_);
    status_ = context.status;
    challenge_ =
        context.fields != nullptr ? std::string(context.fields->name) + ": " + std::string(context.fields->value) : "";
    return answer;
  }
  static std::string basic(const std::string& pair) { return "Basic " + base64_encode(pair); }

  using Answer = AccessCheck::Answer;
  const TempDir dir_;
  NoVariables variables_;
  FakeServices services_;
  Arena arena_;
  ChunkPool chunks_;
  const SocketAddress client_ = *SocketAddress::from_ip("192.0.2.1", 40000);
  State* state_ = nullptr;
  http::RequestHead request_;
  std::string authorization_;
  std::unique_ptr<const AccessCheck> check_;
  int status_ = 0;
  std::string challenge_;
};

TEST_F(AuthBasicTest, client_without_credentials_is_asked_for_them) {
  use("a realm", "users");
  for (const std::string& each : {std::string(), std::string("Bearer x"), std::string("Basic"), std::string("Basic !"),
                                  basic("nocolon"), basic(":secret")}) {
    EXPECT_EQ(ask(each), Answer::kRefuse) << each;
    EXPECT_EQ(status_, 401) << each;
    EXPECT_EQ(challenge_, "WWW-Authenticate: Basic realm=\"a realm\"") << each;
  }
  EXPECT_TRUE(services_.aside.empty());
}

TEST_F(AuthBasicTest, password_is_looked_at_beside_the_loop) {
  use("r", "users");
  EXPECT_EQ(ask(basic("anna:secret")), Answer::kSuspend);
  EXPECT_EQ(again(), Answer::kSuspend);
  services_.work();
  EXPECT_EQ(again(), Answer::kPass);
}

TEST_F(AuthBasicTest, right_password_is_not_hashed_again) {
  use("r", "users");
  EXPECT_EQ(ask(basic("bert:secret")), Answer::kSuspend);
  services_.work();
  EXPECT_EQ(again(), Answer::kPass);
  services_.time = monotonic_ms();
  EXPECT_EQ(ask(basic("bert:secret")), Answer::kPass);
  EXPECT_EQ(ask(basic("bert:other")), Answer::kSuspend);
}

TEST_F(AuthBasicTest, wrong_password_is_challenged) {
  use("r", "users");
  EXPECT_EQ(ask(basic("anna:other")), Answer::kSuspend);
  services_.work();
  EXPECT_EQ(again(), Answer::kRefuse);
  EXPECT_EQ(status_, 401);
  EXPECT_EQ(challenge_, "WWW-Authenticate: Basic realm=\"r\"");
}

TEST_F(AuthBasicTest, missing_file_forbids) {
  use("r", "no such file");
  EXPECT_EQ(ask(basic("anna:secret")), Answer::kSuspend);
  services_.work();
  EXPECT_EQ(again(), Answer::kRefuse);
  EXPECT_EQ(status_, 403);
}

TEST_F(AuthBasicTest, unreadable_file_is_an_error) {
  use("r", dir_.path());
  EXPECT_EQ(ask(basic("anna:secret")), Answer::kSuspend);
  services_.work();
  EXPECT_EQ(again(), Answer::kRefuse);
  EXPECT_EQ(status_, 500);
}

TEST_F(AuthBasicTest, too_many_passwords_at_once_are_refused) {
  use("r", "users");
  services_.is_full = true;
  EXPECT_EQ(ask(basic("anna:secret")), Answer::kRefuse);
  EXPECT_EQ(status_, 503);
}

TEST_F(AuthBasicTest, realm_off_has_no_opinion) {
  use("off", "users");
  EXPECT_EQ(ask(""), Answer::kNoOpinion);
}

TEST_F(AuthBasicTest, end_of_the_request_is_no_harm_to_the_thread) {
  use("r", "users");
  EXPECT_EQ(ask(basic("anna:secret")), Answer::kSuspend);
  end();
  services_.work();
}

}  // namespace
}  // namespace weir::filter
