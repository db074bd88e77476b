// The live view: what weir does and did in the last fifteen minutes, as JSON (schema 1, lb/design/0037) and as events
// while it happens. It looks once a second while a location has `status`, or somebody has asked lately. Control thread
// only.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/event_list.h"
#include "admin/history.h"
#include "base/timer_wheel.h"
#include "proxy/monitor.h"

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

class AdminChanges;
class PeerOverview;

class LiveView final : private DeadlineHandler {
 public:
  static constexpr int kSchema = 1;
  static constexpr int64_t kLookMs = 1'000;
  static constexpr int64_t kKeptMs = 15 * 60'000;  // it goes on so long behind the last that was asked
  static constexpr size_t kMostStreams = 64;
  static constexpr size_t kMostPeers = 2'048;  // that have a history, in the configuration's order

  LiveView(runtime::Runtime& runtime, const AdminChanges& changes, int64_t started_us);
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  void start();  // once the loop runs
  void stop();   // every stream ends with its next look; none comes

  // All of it, without the histories of peers.
  std::string json();
  // Of the peers of one upstream: {"interval_ms", "peers": {ADDRESS: History::json()}}; "null" where there is none of
  // that name.
  std::string history_json(std::string_view upstream);
  // A stream of server-sent events; false: there are kMostStreams.
  bool subscribe(proxy::MonitorAnswer answer, std::shared_ptr<std::atomic<bool>> wanted);
  size_t streams() const { return streams_.size(); }

  // One look, at this time of the loop. For tests: the deadline does nothing else.
  void look(MonoMs now);

 private:
  struct Stream {
    proxy::MonitorAnswer answer;
    std::shared_ptr<std::atomic<bool>> wanted;
  };
  using PeerKey = std::pair<std::string, std::string>;

  void on_deadline(Deadline&) override;
  bool is_wanted();
  void read(const PeerOverview& overview);
  std::string sample_text(const PeerOverview& overview) const;
  std::string change_text(const PeerOverview& overview, uint64_t behind, const std::vector<size_t>& peers) const;
  void send(const std::string& text, bool is_last);

  runtime::Runtime& runtime_;
  const AdminChanges& changes_;
  const int64_t started_us_;
  Deadline deadline_{this};
  MonoMs asked_at_ = 0;           // 0: never
  MonoMs read_at_ = 0;            // when the last points were made; 0: not since the looks began
  uint64_t generation_ = 0;       // whose locations have been looked at
  uint64_t seen_generation_ = 0;  // whose peers readers know
  bool has_page_ = false;         // that snapshot has a location with `status`
  History all_;
  std::map<std::string, History> upstreams_;
  std::map<PeerKey, History> peers_;
  EventList events_;
  std::vector<Stream> streams_;
};

}  // namespace weir::admin
