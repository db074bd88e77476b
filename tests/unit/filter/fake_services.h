// What an exchange does for its filters, by hand: a clock that a test moves, work that runs when the test says so,
// inquiries that the test answers.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/timer_wheel.h"
#include "filter/filter.h"

namespace weir::filter {

class NoVariables final : public route::VariableSource {
 public:
  route::VariableValue variable(const route::VariableRef&, Arena&) const override { return {}; }
};

class FakeServices final : public Services {
 public:
  struct Question final : Inquiry {
    Question(FakeServices& of, std::string asked, InquiryOwner& by)
        : services(of), target(std::move(asked)), owner(by) {
      services.question = this;
    }
    ~Question() override { services.question = nullptr; }
    int status() const override { return answer; }
    const http::FieldList& fields() const override { return answer_fields; }

    FakeServices& services;
    std::string target;
    InquiryOwner& owner;
    int answer = 0;
    http::FieldList answer_fields;
  };

  MonoMs now() const override { return time; }
  void arm(Deadline& deadline, MonoMs due) override {
    armed = due;
    wheel.arm(deadline, due);
  }
  bool run_aside(std::function<void()> work, std::function<void()> done) override {
    if (is_full) return false;
    aside.emplace_back(std::move(work), std::move(done));
    return true;
  }
  std::unique_ptr<Inquiry> inquire(std::string_view target, InquiryOwner& owner) override {
    if (is_full) return nullptr;
    return std::make_unique<Question>(*this, std::string(target), owner);
  }
  void set_variable(int slot, std::string_view text) override { variables[slot] = text; }
  LimitsSeen& limits() override { return seen; }
  void hold(std::unique_ptr<State> state) override { held.push_back(std::move(state)); }

  // Time passes.
  void advance(MonoMs by) {
    time += by;
    wheel.advance(time);
  }
  void work() {
    for (auto& [what, done] : std::exchange(aside, {})) {
      what();
      what = nullptr;
      done();
    }
  }

  MonoMs time = 1'000'000;
  TimerWheel wheel{time};
  MonoMs armed = 0;
  std::vector<std::pair<std::function<void()>, std::function<void()>>> aside;
  Question* question = nullptr;
  std::map<int, std::string> variables;
  LimitsSeen seen;
  std::vector<std::unique_ptr<State>> held;
  bool is_full = false;
};

}  // namespace weir::filter
