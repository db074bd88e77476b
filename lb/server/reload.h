// Reload: read, judge and build on a helper thread, then bind, then roll out. Any failure before the roll-out leaves
// the old configuration in force. Host names that did not resolve are asked for again the same way.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/load.h"
#include "server/runtime.h"
#include "server/site_builder.h"

namespace weir::server {

class Reload final : private DeadlineHandler {
 public:
  explicit Reload(Runtime& runtime);
  ~Reload();  // waits for the helper thread
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  // Rolls out what the start has built.
  void start();
  // Told how it ended: empty when the new configuration is in force, else why the old one still is.
  using Told = std::function<void(const std::vector<std::string>& errors)>;
  // While one runs, any number of requests make one more; each is told of the one that began after it asked.
  void request(Told told = {});
  // Builds the snapshot anew from the configuration in force and Runtime::overrides, and rolls it out. Coalesced and
  // told likewise.
  void rebuild(Told told = {});
  // Nothing begins any more, and what is under way comes to nothing.
  void cancel();

 private:
  struct Outcome {
    LoadedConfig config;
    BuiltSite built;
  };
  void begin(std::function<std::shared_ptr<Outcome>()> work, void (Reload::*then)(Outcome&));
  void load_and_build();
  void put_in_force(Outcome& outcome);
  void retry_names();
  void put_names_in_force(Outcome& outcome);
  void fail(const std::vector<std::string>& errors);
  void roll_out(const std::shared_ptr<const proxy::Site>& site, std::function<void()> done);
  void finished();
  void on_deadline(Deadline&) override;

  Runtime& runtime_;
  std::thread helper_;
  Deadline names_due_{this};
  bool busy_ = false;
  bool again_ = false;
  bool cancelled_ = false;
};

}  // namespace weir::server
