#include "upstream/change_log.h"

#include "base/log.h"

namespace weir::upstream {

std::string time_text(MonoMs ms) {
  if (ms < 1'000) return std::to_string(ms) + " ms";
  if (ms < 120'000) return std::to_string(ms / 1'000) + " s";
  if (ms < 120 * 60'000) return std::to_string(ms / 60'000) + " min";
  return std::to_string(ms / (60 * 60'000)) + " h";
}

bool ChangeLog::pass(MonoMs now) {
  if (now - window_ >= kWindow) {
    window_ = now;
    lines_ = unlogged_ = 0;
  }
  if (lines_ < kMostLines) {
    ++lines_;
    return true;
  }
  ++unlogged_;
  return false;
}

std::string_view ChangeLog::ending() const {
  return lines_ == kMostLines ? "; flapping, changes of the next minute are not logged" : "";
}

void ChangeLog::down(std::string_view peer, std::string_view reason, std::string_view check, MonoMs lasted,
                     MonoMs now) {
  if (!pass(now)) return;
  log::warn("peer ", peer, ": down (", reason, "; check ", check,
            lasted < 0 ? std::string() : "; was up for " + time_text(lasted), ")", ending());
}

void ChangeLog::up(std::string_view peer, MonoMs lasted, MonoMs now) {
  if (!pass(now)) return;
  log::warn("peer ", peer, ": up again", lasted < 0 ? std::string() : " after " + time_text(lasted), ending());
}

void ChangeLog::log_unlogged(std::string_view peer, bool is_down, MonoMs now) {
  log::warn("peer ", peer, ": ", is_down ? "down" : "up", " now (", unlogged_, " changes were not logged)");
  window_ = now;
  lines_ = 1;
  unlogged_ = 0;
}

}  // namespace weir::upstream
