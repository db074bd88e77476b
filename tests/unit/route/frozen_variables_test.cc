// Answers that are taken now for templates that are rendered later.
#include "route/frozen_variables.h"

#include <gtest/gtest.h>

#include "unit/route/fake_source.h"

namespace weir::route {
namespace {

bool is_late(Var id) {
  return id == Var::kStatus || id == Var::kBytesSent;
}

// What a holder of frozen answers does: late ones are its own.
class Later final : public VariableSource {
 public:
  explicit Later(const FrozenVariables& frozen) : frozen_(frozen) {}
  VariableValue variable(const VariableRef& ref, Arena& arena) const override {
    if (const auto* entry = frozen_.find(ref)) return frozen_.value(*entry);
    if (ref.id == Var::kMap) return {ref.map->lookup(*this, arena), true};
    return ref.id == Var::kStatus ? VariableValue{"101", true} : VariableValue{};
  }

 private:
  const FrozenVariables& frozen_;
};

class FrozenVariablesTest : public testing::Test {
 protected:
  Template text(std::string_view source) {
    auto compiled = Template::compile(source, names_);
    EXPECT_TRUE(compiled) << source;
    return compiled ? std::move(*compiled) : Template();
  }
  void declare(const std::string& name, std::string_view source, std::string_view key, std::string_view value) {
    auto map = std::make_shared<Map>(text(source), false, false);
    ASSERT_TRUE(map->add(key, text(value)));
    map->set_default(text("other"));
    names_.declare_map(name, std::move(map));
  }
  std::string freeze_and_render(std::string_view source) {
    const Template compiled = text(source);
    FrozenVariables frozen;
    {
      FakeSource now;
      now.set(Var::kHost, "a.test").set(Var::kUri, "/x");
      Arena scratch;
      frozen.add(compiled, now, is_late, scratch);
      frozen.shrink();
    }
    Arena arena;
    return std::string(compiled.render(Later(frozen), arena));
  }
  VariableNames names_;
};

TEST_F(FrozenVariablesTest, early_answers_outlive_their_source) {
  EXPECT_EQ(freeze_and_render("$host $uri $status $host"), "a.test /x 101 a.test");
}

TEST_F(FrozenVariablesTest, missing_value_stays_missing) {
  const Template compiled = text("$http_referer");
  FrozenVariables frozen;
  Arena scratch;
  frozen.add(compiled, FakeSource(), is_late, scratch);
  const auto* entry = frozen.find(compiled.parts()[0].variable);
  ASSERT_NE(entry, nullptr);
  EXPECT_FALSE(frozen.value(*entry).found);
}

TEST_F(FrozenVariablesTest, map_of_early_variables_is_looked_up_at_once) {
  declare("kind", "$host", "a.test", "first $uri");
  EXPECT_EQ(freeze_and_render("$kind"), "first /x");
}

TEST_F(FrozenVariablesTest, map_of_late_variables_is_looked_up_at_the_end) {
  declare("kind", "$status", "101", "$host switched");
  declare("outer", "$kind", "a.test switched", "$uri by map");
  EXPECT_EQ(freeze_and_render("$outer"), "/x by map");
}

}  // namespace
}  // namespace weir::route
