// As ngx_http_auth_request_module has it.
#include "filter/auth_request.h"

#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace weir::filter {
namespace {

class AskedState final : public State, private InquiryOwner {
 public:
  explicit AskedState(const AuthRequestOptions& options, Context& context)
      : options_(options), services_(*context.services), arena_(context.arena), resume_(context.resume) {
    inquiry_ = services_.inquire(options.uri, *this);
  }
  bool was_refused() const { return inquiry_ == nullptr; }
  bool is_over() const { return over_; }
  const Inquiry& inquiry() const { return *inquiry_; }

 private:
  void on_inquiry_end(const route::VariableSource& variables) override {
    for (const AuthVariable& each : options_.variables)
      services_.set_variable(each.slot, arena_.copy(each.value.render(variables, arena_)));
  }
  void on_inquiry_over() override {
    over_ = true;
    const Resume resume = resume_;  // may destroy this
    resume();
  }

  const AuthRequestOptions& options_;
  Services& services_;
  Arena& arena_;
  const Resume resume_;
  bool over_ = false;
  std::unique_ptr<Inquiry> inquiry_;  // the last: it is cancelled before the rest goes
};

class AuthRequest final : public AccessCheck {
 public:
  AuthRequest(AuthRequestOptions options, std::string place) : options_(std::move(options)), place_(std::move(place)) {}

  Answer check(Context& context, http::RequestHead&) const override {
    const auto& asked = context.state<AskedState>(options_, context);
    if (asked.was_refused()) return refuse(context, 500);
    if (!asked.is_over()) return Answer::kSuspend;
    const int status = asked.inquiry().status();
    if (status >= 200 && status < 300) return Answer::kPass;
    if (status == 401) context.fields = challenges(asked.inquiry().fields(), context.arena);
    if (status == 401 || status == 403) return refuse(context, status);
    if (log_.pass(context.services->now()))
      log::error(place_, ": auth_request ", options_.uri, " failed (status ", status, ")", log_.dropped());
    return refuse(context, 500);
  }

 private:
  static Answer refuse(Context& context, int status) {
    context.status = status;
    return Answer::kRefuse;
  }
  static const AnswerField* challenges(const http::FieldList& fields, Arena& arena) {
    const AnswerField* first = nullptr;
    for (int i = fields.size() - 1; i >= 0; --i) {
      const http::Field& field = fields.begin()[i];
      if (field.dropped || !iequals(field.name, "WWW-Authenticate")) continue;
      first = arena.make<AnswerField>(AnswerField{"WWW-Authenticate", arena.copy(field.value), first});
    }
    return first;
  }

  const AuthRequestOptions options_;
  const std::string place_;
  mutable LogLimit log_;
};

}  // namespace

std::unique_ptr<const AccessCheck> make_auth_request(AuthRequestOptions options, std::string place) {
  return std::make_unique<AuthRequest>(std::move(options), std::move(place));
}

}  // namespace weir::filter
