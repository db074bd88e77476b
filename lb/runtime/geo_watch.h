// geoip2{} with auto_reload: databases whose files are others are taken into force, without a reload of weir. Looked at
// on a thread of the pool. Control thread.
#pragma once
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/geo_file.h"
#include "base/timer_wheel.h"
#include "config/model.h"
#include "io/loop.h"
#include "io/off_loop.h"

namespace weir::runtime {

class GeoWatch final : private DeadlineHandler, private io::OffLoop::Handler {
 public:
  // `model`: of the configuration in force; may answer null.
  using CurrentModel = std::function<std::shared_ptr<const config::Model>()>;
  GeoWatch(io::Loop& loop, CurrentModel model);

  // When a configuration has come into force: its files are looked at one interval from now.
  void start();
  void stop();

 private:
  struct Watched {
    std::shared_ptr<GeoFile> file;
    MonoMs due;
  };
  void on_deadline(Deadline&) override;
  void on_work_done(std::unique_ptr<io::OffLoop::Work> work) override;
  void arm();

  io::Loop& loop_;
  CurrentModel model_;
  std::vector<Watched> watched_;
  Deadline next_{this};
  io::OffLoop off_loop_{loop_, *this};
};

}  // namespace weir::runtime
