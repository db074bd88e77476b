#include "runtime/geo_watch.h"

#include <algorithm>

#include "base/log.h"

namespace weir::runtime {
namespace {

class Look final : public io::OffLoop::Work {
 public:
  struct Seen {
    std::shared_ptr<GeoFile> file;
    Result<bool> result;
  };
  void add(std::shared_ptr<GeoFile> file) { seen_.push_back({std::move(file), false}); }
  void run() override {
    for (Seen& each : seen_) each.result = each.file->refresh();
  }
  const std::vector<Seen>& seen() const { return seen_; }

 private:
  std::vector<Seen> seen_;
};

}  // namespace

GeoWatch::GeoWatch(io::Loop& loop, CurrentModel model) : loop_(loop), model_(std::move(model)) {}

void GeoWatch::start() {
  watched_.clear();
  if (const auto model = model_(); model != nullptr)
    for (const auto& file : model->geo_files) watched_.push_back({file, loop_.now() + file->interval().count()});
  if (!off_loop_.is_busy()) arm();
}

void GeoWatch::stop() {
  watched_.clear();
  next_.cancel();
  off_loop_.cancel();
}

void GeoWatch::arm() {
  const auto first =
      std::min_element(watched_.begin(), watched_.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
  if (first == watched_.end()) return next_.cancel();
  loop_.arm(next_, first->due);
}

void GeoWatch::on_deadline(Deadline&) {
  auto look = std::make_unique<Look>();
  for (Watched& each : watched_) {
    if (each.due > loop_.now()) continue;
    each.due = loop_.now() + each.file->interval().count();
    look->add(each.file);
  }
  off_loop_.start(std::move(look));
}

void GeoWatch::on_work_done(std::unique_ptr<io::OffLoop::Work> work) {
  for (const Look::Seen& each : static_cast<const Look&>(*work).seen()) {
    if (!each.result)
      log::error("geoip2: not renewed (", each.result.error(), "), the old database stays in force");
    else if (*each.result)
      log::notice("geoip2: database \"", each.file->path(), "\" read again, it was built at ", each.file->built());
  }
  arm();
}

}  // namespace weir::runtime
