// As ngx_http_core_access_phase and ngx_http_access_module have it.
#include "filter/access.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace weir::filter {
namespace {

class AccessRules final : public AccessCheck {
 public:
  AccessRules(AccessOptions options, std::string place) : options_(std::move(options)), place_(std::move(place)) {}

  Answer check(Context& context, http::RequestHead&) const override {
    const auto& rules = options_.rules;
    const auto rule = std::find_if(rules.begin(), rules.end(), [&context](const AccessRule& each) {
      return !each.range || each.range->contains(context.client);
    });
    if (rule == rules.end()) return Answer::kNoOpinion;
    if (rule->allow) return Answer::kPass;
    // Under `satisfy any` another check may still let the client in.
    if (!options_.satisfy_any && log_.pass(monotonic_ms()))
      log::warn(place_, ": access denied (deny ", rule->range ? rule->range->to_string() : "all", "; client ",
                context.client.ip(), ")", log_.dropped());
    context.status = 403;
    return Answer::kRefuse;
  }

 private:
  AccessOptions options_;
  std::string place_;
  mutable LogLimit log_;
};

// How far an exchange has come through the checks.
class AccessState final : public State {
 public:
  AccessState(size_t count, Arena& arena)
      : count_(count), slots_(reinterpret_cast<State**>(arena.allocate(count * sizeof(void*), alignof(void*)))) {
    std::fill_n(slots_, count_, nullptr);
  }
  ~AccessState() override {
    for (size_t i = 0; i < count_; ++i)
      if (slots_[i] != nullptr) slots_[i]->~State();
  }
  AccessState(const AccessState&) = delete;
  AccessState& operator=(const AccessState&) = delete;
  State*& slot() { return slots_[at]; }

  size_t at = 0;
  int refused = 0;                      // by a check; another may still pass
  const AnswerField* fields = nullptr;  // of those that refused

 private:
  const size_t count_;
  State** const slots_;
};

class Access final : public Filter {
 public:
  Access(std::vector<std::unique_ptr<const AccessCheck>> checks, bool any, std::string place)
      : checks_(std::move(checks)), any_(any), place_(std::move(place)) {}

  Order order() const override { return Order::kAccess; }

  Verdict on_request(Context& context, http::RequestHead& request) const override {
    if (context.nested) return Verdict::kContinue;
    AccessState& state = context.state<AccessState>(checks_.size(), context.arena);
    while (state.at < checks_.size()) {
      Context own{context.variables, context.arena,  context.chunks,     context.resume,
                  state.slot(),      context.client, context.maintained, context.services};
      switch (checks_[state.at]->check(own, request)) {
        case AccessCheck::Answer::kSuspend: return Verdict::kSuspend;
        case AccessCheck::Answer::kNoOpinion: break;
        case AccessCheck::Answer::kPass:
          if (any_) return Verdict::kContinue;
          break;
        case AccessCheck::Answer::kRefuse:
          state.fields = joined(state.fields, own.fields, context.arena);
          if (!any_ || (own.status != 401 && own.status != 403)) {
            context.status = own.status;
            context.retry_after = own.retry_after;
            context.fields = state.fields;
            return Verdict::kAnswer;
          }
          if (state.refused != 401) state.refused = own.status;
          break;
      }
      ++state.at;
    }
    if (state.refused == 0) return Verdict::kContinue;
    if (state.refused == 403 && log_.pass(monotonic_ms()))
      log::warn(place_, ": access denied (satisfy any; client ", context.client.ip(), ")", log_.dropped());
    context.status = state.refused;
    context.fields = state.fields;
    return Verdict::kAnswer;
  }

 private:
  static const AnswerField* joined(const AnswerField* first, const AnswerField* second, Arena& arena) {
    if (first == nullptr || second == nullptr) return first != nullptr ? first : second;
    return arena.make<AnswerField>(AnswerField{first->name, first->value, joined(first->next, second, arena)});
  }

  std::vector<std::unique_ptr<const AccessCheck>> checks_;
  const bool any_;
  const std::string place_;
  mutable LogLimit log_;
};

}  // namespace

std::unique_ptr<const AccessCheck> make_access_rules(AccessOptions options, std::string place) {
  return std::make_unique<AccessRules>(std::move(options), std::move(place));
}

std::shared_ptr<const Filter> make_access(std::vector<std::unique_ptr<const AccessCheck>> checks, bool satisfy_any,
                                          std::string place) {
  return std::make_shared<Access>(std::move(checks), satisfy_any, std::move(place));
}

}  // namespace weir::filter
