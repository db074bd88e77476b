// reload --verify: weir asks itself, and puts the configuration before back where it does not answer as it should.
#include <utility>

#include "base/log.h"
#include "process/error_logs.h"
#include "runtime/reload.h"

namespace weir::runtime {

// It is in force. `before` is put back where weir does not answer itself as it should.
void Reload::verify(const std::shared_ptr<const config::Model>& before, const std::shared_ptr<Outcome>& loaded_config) {
  log::notice("configuration: generation ", runtime_.generation, " in force, to be verified");
  begin(
      Task::kLoad,
      [this, before, loaded_config] {
        auto outcome = std::make_shared<Outcome>();
        outcome->config.model = before;
        outcome->changes = std::move(loaded_config->changes);
        outcome->before = std::move(loaded_config->before);
        for (const auto& [question, within] : loaded_config->questions)
          if (const Status<> good = ask_self(question, within, give_up_); !good)
            outcome->built.errors.push_back(good.error());
        return outcome;
      },
      &Reload::verified,
      [this, before, loaded_config](const std::string& why) {
        Outcome outcome;
        outcome.config.model = before;
        outcome.before = loaded_config->before;
        outcome.built.errors = {"not verified (" + why + ")"};
        verified(outcome);
      });
}

void Reload::verified(Outcome& outcome) {
  if (outcome.built.errors.empty()) return loaded(std::move(outcome.changes));
  unverified_ = std::move(outcome.built.errors);
  begin(
      Task::kLoad,
      [this, model = outcome.config.model, site = outcome.before, overrides = runtime_.overrides,
       generation = runtime_.generation + 1] {
        auto built = std::make_shared<Outcome>();
        built->before = site;
        built->config.model = model;
        built->built = build_site(
            {*model, generation, runtime_.registry, &runtime_.log_writer, runtime_.names.fresh(*model), overrides});
        return built;
      },
      &Reload::put_back, [this](const std::string& why) { stick(std::exchange(unverified_, {}), {why}); });
}

// It was not verified, and cannot be replaced by the one before.
void Reload::stick(std::vector<std::string> errors, const std::vector<std::string>& why) {
  errors.emplace_back("the configuration before could not be put back, the new one stays in force");
  errors.insert(errors.end(), why.begin(), why.end());
  fail(errors, InForce::kNew);
}

void Reload::put_back(Outcome& outcome) {
  std::vector<std::string> errors = std::exchange(unverified_, {});
  if (!outcome.built.site) return stick(std::move(errors), outcome.built.errors);
  const config::Model& model = *outcome.config.model;
  if (const std::vector<std::string> refused = take_sockets_and_workers(model); !refused.empty())
    return stick(std::move(errors), refused);
  if (const Status<> logs = process::configure_logs(runtime_.line, model.main); !logs)
    log::error("error log: not put back (", logs.error(), ")");
  runtime_.model = outcome.config.model;
  move_state_file();
  roll_out(outcome.built.site, [this, errors = std::move(errors)] {
    if (hooks_.loaded) hooks_.loaded();
    fail(errors, InForce::kOldAgain);
  });
}

}  // namespace weir::runtime
