// A worker's Core on a loop whose clock stands still until it is told, with connections that are fakes on both sides.
// What a test, the simulation, the fuzzer and the allocation gate are built on.
#pragma once
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_transport.h"  // by its place: the fuzz targets have no include path to tests/
#include "io/loop.h"
#include "io/loop_impl.h"
#include "observe/access_log.h"
#include "policy/retry.h"
#include "proxy/content.h"
#include "proxy/core.h"
#include "proxy/tls_step.h"

namespace weir::sim {

inline SocketAddress ip(std::string_view text, uint16_t port) {
  return *SocketAddress::from_ip(text, port);
}

// The access log of all worlds of a process: one temporary file and one writer thread.
class LogFile {
 public:
  LogFile() {
    const int fd = ::mkstemp(path_);
    if (fd >= 0) ::close(fd);
    file_ = writer_.open(path_).value();
    auto format = observe::LogFormat::compile(observe::LogEscape::kDefault,
                                              "$connection $connection_requests $status $request_completion "
                                              "[$upstream_addr] [$upstream_status] [$upstream_reason]",
                                              {});
    format_ = std::make_shared<observe::LogFormat>(std::move(format.value()));
  }
  ~LogFile() { ::unlink(path_); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  observe::AccessLogWriter& writer() { return writer_; }
  std::shared_ptr<const proxy::AccessLogs> target() const {
    proxy::AccessLogTarget target;
    target.file = file_;
    target.options.path = path_;
    target.options.format = format_;
    return std::make_shared<proxy::AccessLogs>(proxy::AccessLogs{target});
  }
  // The lines that were written since the last call.
  std::vector<std::string> take() {
    writer_.flush();
    std::ifstream in(path_);
    in.seekg(read_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      read_ += static_cast<std::streamoff>(line.size()) + 1;
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  char path_[32] = "/tmp/weir-sim-XXXXXX";
  observe::AccessLogWriter writer_{Millis(60'000)};  // its thread may be kept from running, nothing else stalls it
  observe::LogFile file_;
  std::shared_ptr<const observe::LogFormat> format_;
  std::streamoff read_ = 0;
};

// A line of requests that wait for a place, of one thread: first come, first served.
class Line final : public policy::WaitQueue {
 public:
  explicit Line(size_t most) : most_(most) {}
  std::unique_ptr<Ticket> enter(WakeUp call) override {
    if (places_.size() >= most_) return nullptr;
    auto place = std::make_unique<Place>(*this, std::move(call));
    places_.push_back(place.get());
    return place;
  }
  bool has_waiting() const override { return !places_.empty(); }
  uint32_t waiting() const override { return static_cast<uint32_t>(places_.size()); }
  void place_freed() override { call_from(0); }
  void wake_all() override {
    for (Place* place : places_) place->call();
  }

 private:
  struct Place final : Ticket {
    Place(Line& of, WakeUp how) : line(of), call(std::move(how)) {}
    ~Place() override {
      const size_t at = line.index_of(this);
      line.places_.erase(line.places_.begin() + static_cast<std::ptrdiff_t>(at));
      if (at < line.places_.size()) line.places_[at]->call();  // it may not have needed the place that it was called to
    }
    void pass_on() override {
      if (std::exchange(called, false)) line.call_from(line.index_of(this) + 1);
    }
    Line& line;
    WakeUp call;
    bool called = false;
  };
  size_t index_of(const Place* place) const {
    return static_cast<size_t>(std::find(places_.begin(), places_.end(), place) - places_.begin());
  }
  void call_from(size_t at) {
    while (at < places_.size() && places_[at]->called) ++at;
    if (at == places_.size()) return;
    places_[at]->called = true;
    places_[at]->call();
  }
  size_t most_;
  std::vector<Place*> places_;
};

// What `sticky learn` has seen; nothing is forgotten.
struct Sessions final : policy::SessionTable {
  uint64_t find(std::string_view session, MonoMs) override {
    const auto at = seen.find(std::string(session));
    return at == seen.end() ? 0 : at->second;
  }
  void bind(std::string_view session, uint64_t peer, MonoMs) override { seen[std::string(session)] = peer; }
  size_t size() const override { return seen.size(); }
  std::map<std::string, uint64_t> seen;
};

// What outlives a reload, as runtime/registry.h keeps it.
struct Shared {
  std::map<std::string, std::shared_ptr<policy::PeerState>> peers;
  std::map<std::string, std::shared_ptr<policy::RetryBudget>> budgets;
  std::map<std::string, std::shared_ptr<std::atomic<uint32_t>>> inflight;
  std::map<std::string, std::shared_ptr<Line>> lines;
};

// A site with one listener and one virtual server; locations and upstreams as the test adds them.
class SiteMaker {
 public:
  explicit SiteMaker(Shared& shared, uint64_t generation = 1) : shared_(shared) {
    site_->generation = generation;
    server_ = site_->servers.emplace_back(std::make_unique<proxy::VirtualServer>()).get();
    server_->name = "sim.test";
  }
  proxy::VirtualServer& server() { return *server_; }
  size_t& buffer_memory() { return site_->buffer_memory; }
  // `names`: peers' addresses "10.0.0.1"; one that begins with '+' is a backup.
  int upstream(const std::string& name, const std::vector<std::string>& names,
               policy::Method method = policy::Method::kRoundRobin,
               const std::function<void(policy::PeerOptions&)>& tune = {}) {
    policy::ClusterOptions options;
    options.name = name;
    options.method = method;
    std::vector<std::shared_ptr<policy::PeerState>> states;
    for (std::string each : names) {
      policy::PeerOptions peer;
      peer.backup = each.front() == '+';
      if (peer.backup) each.erase(0, 1);
      peer.address = ip(each, 13000);
      peer.name = peer.server = each + ":13000";
      if (tune) tune(peer);
      auto& state = shared_.peers[name + "/" + peer.name];
      if (state == nullptr) state = std::make_shared<policy::PeerState>(peer.passive);
      states.push_back(state);
      options.peers.push_back(peer);
    }
    auto& budget = shared_.budgets[name];
    if (budget == nullptr) budget = std::make_shared<policy::RetryBudget>(0, kBudget);
    auto& inflight = shared_.inflight[name];
    if (inflight == nullptr) inflight = std::make_shared<std::atomic<uint32_t>>(0);
    proxy::SiteCluster cluster;
    cluster.cluster = std::make_unique<policy::Cluster>(std::move(options), std::move(states));
    cluster.budget = budget;
    cluster.inflight = inflight;
    const int index = static_cast<int>(site_->clusters.size());
    site_->cluster_by_name.emplace(name, index);
    site_->clusters.push_back(std::move(cluster));
    return index;
  }
  proxy::SiteCluster& cluster(int index) { return site_->clusters[static_cast<size_t>(index)]; }
  upstream::PoolOptions& pool(int index) { return cluster(index).settings.pool; }
  // queue `most` timeout=`timeout`.
  void queue(int index, uint32_t most, Millis timeout) {
    proxy::SiteCluster& of = cluster(index);
    auto& line = shared_.lines[of.cluster->name()];
    if (line == nullptr) line = std::make_shared<Line>(most);
    of.queue = line;
    of.settings.queue = {most, timeout};
  }
  // sticky, with a key that is no secret.
  proxy::StickyOptions& sticky(int index, proxy::StickyOptions::Kind kind,
                               std::shared_ptr<policy::SessionTable> sessions = nullptr) {
    proxy::SiteCluster& of = cluster(index);
    of.sticky = std::make_unique<proxy::Sticky>();
    of.sticky->options.kind = kind;
    of.sticky->bindings = std::make_unique<policy::Bindings>(*of.cluster, "key");
    of.sticky->sessions = std::move(sessions);
    return of.sticky->options;
  }
  proxy::Location& location(const std::string& pattern, route::LocationKind kind = route::LocationKind::kPrefix) {
    const int index = static_cast<int>(server_->locations.size());
    proxy::Location& made = *server_->locations.emplace_back(std::make_unique<proxy::Location>(server_->fallback));
    made.pattern = made.prefix = pattern;
    made.internal = kind == route::LocationKind::kNamed;
    if (!server_->table.add(kind, pattern, index)) std::abort();
    return made;
  }
  proxy::Location& proxied(const std::string& pattern, int cluster,
                           route::LocationKind kind = route::LocationKind::kPrefix) {
    proxy::Location& made = location(pattern, kind);
    made.pass.emplace();
    made.pass->cluster = cluster;
    made.pass->host = site_->clusters[static_cast<size_t>(cluster)].cluster->name();
    return made;
  }
  proxy::Location& returning(const std::string& pattern, int status, const std::string& text = {}) {
    proxy::Location& made = location(pattern);
    made.returns.emplace();
    made.returns->status = status;
    made.returns->text = route::Template::literal(text);
    made.returns->has_text = !text.empty();
    return made;
  }
  // The next step of who arrives on that address, before its session.
  template <class Step>
  void arrives_by(const SocketAddress& address) {
    arrivals_.emplace_back(address, std::make_unique<Step>());
  }
  // Whoever arrives on that address shakes hands.
  void shaken_by(const SocketAddress& address, std::shared_ptr<const io::TlsContext> context) {
    server_->tls.context = std::move(context);
    shaken_.push_back(address);
  }
  std::shared_ptr<const proxy::Site> make(const std::vector<SocketAddress>& listens) {
    server_->table.freeze();
    server_->fallback.content = proxy::make_content(server_->fallback);
    for (auto& location : server_->locations) {
      if (location->content == nullptr) location->content = proxy::make_content(*location);
      if (location->tls.context != nullptr) site_->tls_terms.insert(location->tls.context->terms());
    }
    for (const SocketAddress& address : listens) {
      auto listen = std::make_unique<proxy::ListenSite>();
      listen->address = address;
      listen->servers.push_back(server_);
      listen->default_server = server_;
      for (auto& [on, step] : arrivals_)
        if (on == address) listen->arrival.push_back(std::move(step));
      if (std::find(shaken_.begin(), shaken_.end(), address) != shaken_.end())
        listen->arrival.push_back(std::make_unique<proxy::TlsStep>(*listen));
      site_->listens.push_back(std::move(listen));
    }
    return std::move(site_);
  }
  static constexpr uint32_t kBudget = 2;  // retries at a time

 private:
  Shared& shared_;
  std::shared_ptr<proxy::Site> site_ = std::make_shared<proxy::Site>();
  proxy::VirtualServer* server_ = nullptr;
  std::vector<std::pair<SocketAddress, std::unique_ptr<const proxy::ArrivalStep>>> arrivals_;
  std::vector<SocketAddress> shaken_;
};

class World;

// A connect that the test decides.
class PendingConnect final : public io::Connecting, private DeadlineHandler {
 public:
  PendingConnect(World& world, const SocketAddress& address, Millis timeout, OnDone done);
  ~PendingConnect() override;
  const SocketAddress& address() const { return address_; }
  // Both may destroy this.
  std::shared_ptr<Wire> succeed();
  void fail(ErrorKind kind) {
    const OnDone done = std::exchange(done_, nullptr);
    deadline_.cancel();
    done(nullptr, {kind, -ECONNREFUSED});
  }

 private:
  void on_deadline(Deadline&) override { fail(ErrorKind::kConnectTimeout); }
  World& world_;
  SocketAddress address_;
  OnDone done_;
  Deadline deadline_{this};
};

class World {
 public:
  explicit World(observe::AccessLogWriter& writer, uint64_t seed = 1, uint32_t max_connections = 65'536) : loop(&now) {
    loop.impl().caches_patience_us = INT64_MAX;  // this machine may be busy, its file system is not slow
    proxy::CoreOptions options;
    options.seed = seed;
    options.share.max_connections = max_connections;
    options.on_full = [this](bool is_full) { full = is_full; };
    options.on_drained = [this] { ++drained; };
    options.release_site = [](std::shared_ptr<const proxy::Site> site) { site.reset(); };
    options.connect = [this](io::Loop&, const SocketAddress& address, const io::ConnectOptions& with,
                             io::Connecting::OnDone done) -> std::unique_ptr<io::Connecting> {
      return std::make_unique<PendingConnect>(*this, address, with.timeout, std::move(done));
    };
    options.resolve = [this](const io::DnsQuestion& question, Millis valid, io::ResolveTold told) {
      questions.push_back({question, valid, std::move(told)});
    };
    core = std::make_unique<proxy::Core>(loop, writer, std::move(options));
  }
  // Time passes by itself: also for the deadlines that are armed inside.
  void advance(MonoMs ms) {
    now += ms;
    turn();
  }
  void turn() { loop.turn(false); }
  // Whatever is read from files is here afterwards, also where a thread had to look at them.
  void settle() {
    while (loop.uv()->active_reqs.count > 0) loop.turn(true);
  }
  std::shared_ptr<Wire> accept(const SocketAddress& on, const std::string& client = "192.0.2.1") {
    auto wire = std::make_shared<Wire>();
    wire->peer = ip(client, 40000);
    wire->local = on;
    core->accept(std::make_unique<FakeTransport>(wire), on);
    return wire;
  }
  uint64_t count(observe::Counter counter) const { return core->metrics().get(counter); }

  MonoMs now = 1'000'000;
  io::Loop loop;
  std::vector<PendingConnect*> connecting;  // in order of time
  struct Question {
    io::DnsQuestion dns;
    Millis valid;
    io::ResolveTold told;
  };
  std::vector<Question> questions;  // for hosts that only requests name, in order of time
  std::unique_ptr<proxy::Core> core;
  int drained = 0;
  bool full = false;  // listeners would be paused
};

inline PendingConnect::PendingConnect(World& world, const SocketAddress& address, Millis timeout, OnDone done)
    : world_(world), address_(address), done_(std::move(done)) {
  world_.connecting.push_back(this);
  world_.loop.arm(deadline_, world_.loop.now() + timeout.count());
}

inline PendingConnect::~PendingConnect() {
  std::erase(world_.connecting, this);
}

inline std::shared_ptr<Wire> PendingConnect::succeed() {
  auto wire = std::make_shared<Wire>();
  wire->peer = address_;
  wire->local = ip("10.0.0.254", 50000);
  const OnDone done = std::exchange(done_, nullptr);
  deadline_.cancel();
  done(std::make_unique<FakeTransport>(wire), {});
  return wire;
}

}  // namespace weir::sim
