// As ngx_http_auth_basic_module answers; hashes are made beside the loop, and those that were right are recalled.
#include "filter/auth_basic.h"

#include <map>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "filter/user_file.h"
#include "http/basic_credentials.h"

namespace weir::filter {
namespace {

constexpr size_t kMostFiles = 256;  // of a location whose file's name has variables

// Files by name.
class UserFiles {
 public:
  std::shared_ptr<UserFile> find(std::string_view path) {
    const std::lock_guard lock(mutex_);
    const auto known = files_.find(path);
    if (known != files_.end()) return known->second;
    if (files_.size() >= kMostFiles) files_.clear();
    return files_.emplace(path, std::make_shared<UserFile>(std::string(path))).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<UserFile>, std::less<>> files_;
};

// A password that is being looked at.
struct Question final : State {
  struct Shared {
    http::BasicCredentials credentials;
    UserFile::Verdict verdict = UserFile::Verdict::kWrong;
  };
  std::shared_ptr<Shared> shared;  // with the thread beside the loop
  bool answered = false;
};

class AuthBasic final : public AccessCheck {
 public:
  explicit AuthBasic(AuthBasicOptions options) : options_(std::move(options)) {}

  Answer check(Context& context, http::RequestHead& request) const override {
    const std::string_view realm = options_.realm.render(context.variables, context.arena);
    if (realm == "off") return Answer::kNoOpinion;
    if (context.slot == nullptr) return begin(context, request, realm);
    const auto& question = static_cast<Question&>(*context.slot);
    return question.answered ? conclude(context, question.shared->verdict, realm) : Answer::kSuspend;
  }

 private:
  Answer begin(Context& context, const http::RequestHead& request, std::string_view realm) const {
    const http::Field* field = request.fields.find(http::HeaderToken::kAuthorization);
    auto credentials = field == nullptr ? std::nullopt : http::basic_credentials(field->value);
    if (!credentials) return challenge(context, realm);
    const auto file = files_->find(path(context));
    if (file->recalls(*credentials, context.services->now())) return Answer::kPass;

    auto& question = context.state<Question>();
    question.shared = std::make_shared<Question::Shared>();
    question.shared->credentials = std::move(*credentials);
    const bool taken = context.services->run_aside(
        [shared = question.shared, file] { shared->verdict = file->verify(shared->credentials, monotonic_ms()); },
        [shared = std::weak_ptr<Question::Shared>(question.shared), &question, resume = context.resume] {
          if (shared.expired()) return;  // the exchange is over, and its state with it
          question.answered = true;
          resume();
        });
    if (taken) return Answer::kSuspend;
    context.retry_after = 1;
    return refuse(context, 503);
  }

  std::string_view path(Context& context) const {
    const std::string_view rendered = options_.user_file.render(context.variables, context.arena);
    return rendered.starts_with('/') ? rendered : context.arena.concat({options_.directory, rendered});
  }

  static Answer refuse(Context& context, int status) {
    context.status = status;
    return Answer::kRefuse;
  }

  static Answer conclude(Context& context, UserFile::Verdict verdict, std::string_view realm) {
    switch (verdict) {
      case UserFile::Verdict::kRight: return Answer::kPass;
      case UserFile::Verdict::kWrong: return challenge(context, realm);
      case UserFile::Verdict::kMissing: return refuse(context, 403);
      case UserFile::Verdict::kUnreadable: break;
    }
    return refuse(context, 500);
  }

  static Answer challenge(Context& context, std::string_view realm) {
    context.fields = context.arena.make<AnswerField>(
        AnswerField{"WWW-Authenticate", context.arena.concat({"Basic realm=\"", realm, "\""})});
    return refuse(context, 401);
  }

  const AuthBasicOptions options_;
  const std::unique_ptr<UserFiles> files_ = std::make_unique<UserFiles>();
};

}  // namespace

std::unique_ptr<const AccessCheck> make_auth_basic(AuthBasicOptions options) {
  return std::make_unique<AuthBasic>(std::move(options));
}

}  // namespace weir::filter
