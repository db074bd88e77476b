// What has happened, for the live view: the last events, and which they are is found by comparing.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

class PeerOverview;

struct Event {
  enum class Tone : uint8_t { kGood, kNeutral, kWarning, kBad };
  uint64_t number = 0;  // from 1
  int64_t at_us = 0;    // wall time
  Tone tone = Tone::kNeutral;
  std::string object;  // "peer app/10.0.0.1:80", "configuration"
  std::string text;    // "unhealthy (status 503), was up"
};
std::string_view to_string(Event::Tone tone);  // "good", "neutral", "warning", "bad"

// Control thread only.
class EventList {
 public:
  static constexpr size_t kMost = 200;

  // What is otherwise than when it was called before; the first call finds nothing. The indexes of peers in the
  // overview whose state or detail has changed are added to `peers`.
  void look(const runtime::Runtime& runtime, const PeerOverview& overview, int64_t now_us, std::vector<size_t>& peers);
  const std::deque<Event>& all() const { return events_; }  // the oldest first
  uint64_t newest() const { return count_; }                // its number; 0: none

 private:
  struct Peer {
    std::string state, detail;
    uint64_t ejections = 0;
    bool seen = false;
  };
  void add(Event::Tone tone, std::string object, std::string text, int64_t now_us);
  void look_at_weir(const runtime::Runtime& runtime, int64_t now_us);

  std::deque<Event> events_;
  uint64_t count_ = 0;
  std::map<std::pair<std::string, std::string>, Peer> peers_;
  bool is_begun_ = false;
  uint64_t reloads_ = 0, failed_reloads_ = 0, stalls_ = 0;
  size_t maintenance_ = 0;
  bool shutting_down_ = false;
};

}  // namespace weir::admin
