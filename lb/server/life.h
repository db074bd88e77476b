// What one running weir has lived through: what the metrics page and `weir ctl status` tell of the process itself.
// Control thread only.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::server {

struct Life {
  int64_t started_us = wall_us();
  bool shutting_down = false;  // /healthz says 503 from here on
  // Reloads that were asked for (a signal, the admin socket); what builds anew for other reasons does not count.
  uint64_t reloads = 0;
  uint64_t reload_failures = 0;
  bool last_reload_ok = true;
  int64_t last_reload_us = wall_us();           // when the last one ended; at first: the start
  std::vector<std::string> last_reload_errors;  // empty when it went well

  void note_reload(const std::vector<std::string>& errors) {
    ++reloads;
    if (!errors.empty()) ++reload_failures;
    last_reload_ok = errors.empty();
    last_reload_us = wall_us();
    last_reload_errors = errors;
  }
};

}  // namespace weir::server
