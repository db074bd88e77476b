// A worker's upstreams of hosts that only requests name: made of the resolver's answer when a request first asks for
// one, made anew when the answer has run out and become another, forgotten when nobody has used it for a while. They
// are no part of the snapshot, of metrics or of the admin API: their number is clients' to choose, and bounded here.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/timer_wheel.h"
#include "io/resolver.h"
#include "proxy/epoch.h"
#include "proxy/pass_resolver.h"
#include "proxy/site.h"

namespace weir::proxy {

class Core;

// One answer's addresses as an upstream.
struct RunTimeUpstream {
  SiteCluster site;
  WorkerCluster worker;
  std::vector<SocketAddress> addresses;  // in order
  MonoMs good_until = 0;
  uint32_t uses = 0;     // requests that hold it
  bool is_named = true;  // false: another answer has taken its place, it goes with its last request
};

// A host as a request names it.
struct RunTimeName {
  std::string_view host;
  uint16_t port = 0;
  std::string_view key;  // of all that makes another upstream: key_of()
};

class RunTimeUpstreams final : private DeadlineHandler {
 public:
  // So many hosts are known at once; for another one, the one that was used longest ago goes.
  static constexpr size_t kMostNames = 1024;
  static constexpr Millis kIdle{60'000};  // after which a host that nobody has asked for is forgotten

  explicit RunTimeUpstreams(Core& core) : core_(core) {}
  ~RunTimeUpstreams() = default;
  RunTimeUpstreams(const RunTimeUpstreams&) = delete;
  RunTimeUpstreams& operator=(const RunTimeUpstreams&) = delete;

  // Text in `arena`.
  static std::string_view key_of(std::string_view host, uint16_t port, const PassResolver& resolver, Arena& arena);
  // Null: the host has to be asked for, as nobody has yet or the answer has run out.
  RunTimeUpstream* find(const RunTimeName& name);
  // `done` runs at most once, perhaps before this returns: with the upstream, or null and why there is none. Whoever
  // has gone by then makes it do nothing.
  using OnDone = std::function<void(RunTimeUpstream* found, const std::string& why)>;
  void ask(const RunTimeName& name, const std::shared_ptr<const PassResolver>& resolver, OnDone done);
  // A request holds it, until release().
  void hold(RunTimeUpstream& upstream) const;
  void release(RunTimeUpstream& upstream);
  // What has gone may have been on the stack.
  void end_turn() {
    if (!gone_.empty()) gone_.clear();
  }
  size_t names() const { return names_.size(); }

 private:
  struct Name {
    std::unique_ptr<RunTimeUpstream> upstream;  // null: there was no answer yet
    MonoMs used_at = 0;
    std::vector<OnDone> waiting;  // for the answer that is under way
  };
  using Names = std::map<std::string, Name, std::less<>>;
  bool make_place();
  void answered(const std::string& key, const std::string& text, const std::shared_ptr<const PassResolver>& resolver,
                const Result<io::ResolveAnswer>& answer, MonoMs good_until);
  std::unique_ptr<RunTimeUpstream> make(const std::string& text, const PassResolver& resolver,
                                        std::vector<SocketAddress> addresses, const RunTimeUpstream* former);
  void retire(std::unique_ptr<RunTimeUpstream> upstream);
  void watch();
  void on_deadline(Deadline&) override;

  Core& core_;
  Names names_;
  std::vector<std::unique_ptr<RunTimeUpstream>> replaced_;  // that requests still hold
  std::vector<std::unique_ptr<RunTimeUpstream>> gone_;      // until the turn ends
  Deadline look_{this};
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // answers may come later than this lives
};

}  // namespace weir::proxy
