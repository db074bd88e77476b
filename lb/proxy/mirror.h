// Requests of weir's own whose answers are thrown away: mirror's copies of requests, and a cache's questions for newer
// answers. Nothing waits for them, and they outlive the request that they were made of.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "proxy/subrequest.h"

namespace weir::proxy {

struct MirrorOptions;

// Those of one worker, under way.
class Mirrors final : private SubrequestOwner {
 public:
  static constexpr size_t kMost = 1024;  // under way at once: what is slow does not pile up

  // One copy for each target. A body that is not held whole is not copied, nor is its request.
  void start(Exchange& parent, const MirrorOptions& options);
  // Has a cached answer brought up to date: asks for `target`, whose location stores it. False: it is not asked.
  bool update_cache(Exchange& parent, std::string_view target);
  // Forgets what is over. To be called when nothing of them is on the stack.
  void sweep();
  // Cancels all.
  void clear() { running_.clear(); }
  size_t running() const { return running_.size(); }

 private:
  void on_subrequest(Subrequest& subrequest) override;

  std::vector<std::unique_ptr<Subrequest>> running_;
  bool any_over_ = false;
};

}  // namespace weir::proxy
