#include "sim/schedule.h"
#include "sim/arrival_steps.h"

#include <map>
#include <sstream>

#include "sim/churn.h"
#include "unit/temp_dir.h"

namespace weir::sim {
namespace {

using observe::Counter;

const SocketAddress kListen = ip("127.0.0.1", 80);
const SocketAddress kOther = ip("127.0.0.1", 81);
const SocketAddress kGreeted = ip("127.0.0.1", 82);
const SocketAddress kShaken = ip("127.0.0.1", 83);
constexpr MonoMs kMinute = 60'000;
constexpr uint32_t kNarrow = 1;  // max_conns

// In some schedules connections run out, and idle ones make room.
bool is_short_of_connections(uint64_t seed) {
  return seed % 5 == 3;
}
// Keys take time to make: all schedules have the same.
TlsSite& tls_site() {
  static TlsSite site;
  return site;
}
uint32_t most_connections(uint64_t seed) {
  return is_short_of_connections(seed) ? 9 : 65'536;
}

}  // namespace

Schedule::Schedule(LogFile& log, uint64_t seed)
    : log_(log), seed_(seed), play_(seed), world_(log.writer(), seed, most_connections(seed)) {
  play_.calm = play_.chance(25) && !is_short_of_connections(seed);
  buffers_.on = seed % 7 != 1;
  if (seed % 7 == 2) buffers_.number = 2, buffers_.size = 4096;
  end_ = play_.calm ? End::kDrain : static_cast<End>(play_.below(3));
  if (seed % 3 == 0) make_cache();
  adopt(true);
}

// Its disk has no thread, so that a seed is the same each time.
void Schedule::make_cache() {
  static const TempDir kFiles;
  cache_options_ = std::make_shared<cache::ZoneOptions>();
  cache_options_->name = "sim";
  cache_options_->path = kFiles / std::to_string(seed_);
  cache_options_->keys_bytes = 64 * 1024;
  cache_ = std::make_shared<cache::Zone>(*cache_options_);
  cache_->start_inside();
  play_.caches = true;
}

void Schedule::adopt(bool listens) {
  SiteMaker maker(shared_, ++generation_);
  const int app = maker.upstream("app", {"10.0.0.1", "10.0.0.2", "+10.0.0.3"});
  const int single = maker.upstream("single", {"10.0.1.1"}, policy::Method::kLeastConn);
  const int narrow = maker.upstream("narrow", {"10.0.2.1", "10.0.2.2"}, policy::Method::kLeastTimeHeader,
                                    [](policy::PeerOptions& peer) { peer.max_conns = kNarrow; });
  maker.queue(narrow, 2, Millis(2'000));
  const int bound = maker.upstream("bound", {"10.0.3.1", "10.0.3.2"}, policy::Method::kRoundRobin,
                                   [](policy::PeerOptions& peer) { peer.route = peer.name.substr(7, 1); });
  maker.sticky(bound, proxy::StickyOptions::Kind::kRoute).routes = {*route::Template::compile("$arg_q", {})};
  maker.pool(app).max_requests = 3;
  maker.pool(single).max_idle = 1;
  proxy::Location& base = maker.server().fallback;
  base.access_logs = log_.target();
  base.read_timeout = base.send_timeout = Millis(5'000);
  base.tunnel_timeout = Millis(30'000);
  base.connect_timeout = Millis(1'000);
  base.body_timeout = Millis(8'000);
  base.client_send_timeout = Millis(8'000);
  base.keepalive_timeout = Millis(10'000);
  maker.proxied("/", app);
  maker.proxied("/app", app);
  maker.proxied("/single", single);
  proxy::ErrorPage page;
  page.statuses = {502, 503, 504};
  page.target = route::Template::literal("/local/page");
  maker.proxied("/page", single).error_pages = {page};
  page.overwrite = 0;
  page.target = route::Template::literal("@fallback");
  maker.proxied("/named", app).error_pages = {page};
  maker.proxied("/old", app).http10 = true;
  maker.proxied("/deaf", app).ignore_client_abort = true;
  maker.proxied("/again", app).retry.on.http_503 = true;
  maker.proxied("/narrow", narrow);
  maker.proxied("/bound", bound);
  maker.proxied("/ready", app).not_ready = {{503, "id00"}};
  proxy::Location& little = maker.proxied("/little", app);
  little.max_body_bytes = 30'000;
  little.body_buffer_bytes = 100;
  const auto churn = std::make_shared<Churn>(
      play_, [this](filter::Resume resume) { world_.loop.post([resume] { resume(); }); }, filter_states_);
  proxy::add_filter(maker.proxied("/churn", app), churn);
  proxy::add_filter(maker.proxied("/churn/twice", app), churn);
  proxy::add_filter(*maker.server().locations.back(), churn);
  proxy::add_filter(maker.returning("/churn/local", 200, "local"), churn);
  filter::CompressOptions gzip;
  gzip.gzip.on = true;
  gzip.gzip.types = std::make_shared<filter::ContentTypes>(filter::ContentTypes{.all = true, .names = {}});
  const auto compress = filter::make_compress(gzip);
  proxy::add_filter(maker.proxied("/gzip", app), compress);
  proxy::add_filter(maker.proxied("/gzip/churn", app), compress);
  proxy::add_filter(*maker.server().locations.back(), churn);
  proxy::Location& mirrored = maker.proxied("/mirror", app);
  mirrored.mirror.targets = {"/local", "/churn/local", "/none"};
  proxy::RewriteStep move{.kind = proxy::RewriteStep::Kind::kRewrite};
  auto pattern = Regex::compile("^/moved(.*)$", false);
  move.regex = std::make_shared<Regex>(std::move(*pattern));
  move.value = *route::Template::compile("/single$1", {});
  move.after = proxy::RewriteStep::After::kLast;
  maker.location("/moved").rewrite = {move};
  const auto inside = std::make_shared<InsideHandler>(inside_, [this](proxy::Exchange& x) { return this->inside(x); });
  maker.location("/inside").content = inside;
  maker.location("/inside/churn").content = inside;
  proxy::add_filter(*maker.server().locations.back(), churn);
  const auto ask = [](proxy::Location& location, const std::string& uri) {
    std::vector<std::unique_ptr<const filter::AccessCheck>> checks;
    checks.push_back(filter::make_auth_request({.uri = uri, .variables = {}}, "location " + location.pattern));
    proxy::add_filter(location, filter::make_access(std::move(checks), false, "location " + location.pattern));
  };
  ask(maker.proxied("/asked", app), "/app?q=1");
  ask(maker.proxied("/asked/local", single), "/local");
  proxy::Location& limited = maker.proxied("/limited", app);
  limited.limit_rate = {200'000, std::nullopt};
  proxy::add_filter(limited, churn);
  maker.returning("/limited/local", 200, std::string(5'000, '#')).limit_rate = {20'000, std::nullopt};
  if (cache_ != nullptr) {
    proxy::Location& cached = maker.proxied("/cached", app);
    cached.cache.zone = cache_options_;
    cached.cache.running = cache_;
    cached.cache.key = *route::Template::compile("$request_uri", route::VariableNames());
    cached.cache.valid = {{{200}, 3600}};
    cached.cache.locks = seed_ % 2 == 0;
    cached.cache.use_stale.error = cached.cache.use_stale.updating = true;
  }
  maker.returning("/local", 200, "local");
  maker.returning("/silent", 444);
  maker.returning("/none", 404);
  maker.proxied("/only", app).internal = true;
  proxy::Location& named = maker.location("@fallback", route::LocationKind::kNamed);
  named.returns.emplace();
  named.returns->status = 200;
  named.returns->text = route::Template::literal("fallback");
  named.returns->has_text = true;
  // Locations take their answers as the seed has it.
  for (auto& location : maker.server().locations) location->buffers = buffers_;
  maker.buffer_memory() = seed_ % 7 == 3 ? 0 : proxy::BufferOptions::kUsualMemory;
  listening_ = listens;
  maker.arrives_by<GreetingStep>(kGreeted);
  maker.shaken_by(kShaken, tls_site().context);
  auto site = maker.make(listens ? std::vector{kListen, kGreeted, kShaken, kOther} : std::vector{kOther});
  sites_.push_back(site);
  world_.core->adopt(std::move(site));
}

// What a request to /inside asks for: of any kind of location, itself too.
InsideRun::Options Schedule::inside(proxy::Exchange& exchange) {
  inside_.sweep();
  if (play_.chance(30)) {
    inside_.asides.push_back(std::make_unique<Aside>());
    inside_.asides.back()->start(exchange, play_.chance(50) ? "/app/aside" : "/none", play_.chance(50));
  }
  constexpr const char* kTargets[] = {"/app/x?q=1", "/single", "/narrow", "/churn",
                                      "/page",      "/silent", "/only",   "/inside"};
  InsideRun::Options options;
  options.target = kTargets[play_.below(std::size(kTargets))];
  if (play_.chance(30)) options.take = InsideRun::Take::kWhole;
  if (play_.chance(10)) options.take = InsideRun::Take::kHead;
  if (play_.chance(10)) options.patience = static_cast<int>(play_.below(3));
  return options;
}

std::string Schedule::run() {
  const size_t steps = 20 + play_.below(120);
  for (size_t i = 0; i < steps && play_.failure.empty(); ++i) {
    step();
    check();
  }
  if (play_.failure.empty()) finish();
  if (play_.failure.empty()) check_end();
  if (play_.failure.empty()) return {};
  return "seed " + std::to_string(seed_) + ": " + play_.failure;
}

// Bytes and ends that are on their way arrive; in random order of connections, but all of them.
void Schedule::exchange_bytes() {
  for (bool moved = true; moved && play_.failure.empty();) {
    world_.settle();
    moved = false;
    for (auto& client : clients_) {
      moved = client->wire->deliver() || moved;
      client->listen();
    }
    for (size_t i = 0; i < peers_.size(); ++i) {
      moved = peers_[i]->wire->deliver() || moved;
      peers_[i]->listen();
    }
  }
}

void Schedule::decide_connect(PendingConnect& pending) {
  if (play_.calm || play_.good_peers || play_.chance(80)) {
    auto wire = std::make_shared<Wire>();
    // The peer exists before the first byte reaches it.
    wire = pending.succeed();
    wire->asks = true;
    peers_.push_back(std::make_unique<Peer>(play_, wire));
    return;
  }
  constexpr ErrorKind kKinds[] = {ErrorKind::kConnectRefused, ErrorKind::kConnectFailed, ErrorKind::kLocalError,
                                  ErrorKind::kConnectTimeout};
  pending.fail(kKinds[play_.below(std::size(kKinds))]);
}

void Schedule::step() {
  const auto any = [&](auto& all) -> auto& {
    return *all[play_.below(all.size())];
  };
  const size_t what = play_.below(100);
  if (what < 8 || clients_.empty()) {
    if (clients_.size() < 12) {
      const bool greets = play_.chance(15);
      const bool shakes = !greets && play_.chance(20);
      const SocketAddress& on = greets ? kGreeted : shakes ? kShaken : kListen;
      clients_.push_back(std::make_unique<Client>(play_, world_.accept(on), static_cast<int>(clients_.size() + 1),
                                                  greets ? kGreeting : std::string_view()));
      if (shakes) clients_.back()->use_tls();
    }
    if (play_.chance(30)) clients_.back()->wire->room = play_.below(100'000);
  } else if (what < 35) {
    any(clients_).say();
  } else if (what < 50) {
    if (!world_.connecting.empty()) decide_connect(any(world_.connecting));
  } else if (what < 70) {
    if (!peers_.empty()) any(peers_).say();
  } else if (what < 76) {
    any(clients_).wire->grant(play_.chance(20) ? kUnlimited : play_.below(150'000));
  } else if (what < 80) {
    if (!peers_.empty()) any(peers_).wire->grant(play_.chance(30) ? kUnlimited : play_.below(150'000));
  } else if (what < 82) {
    if (!peers_.empty()) any(peers_).wire->room = play_.below(1000);
  } else if (what < 90) {
    world_.advance(play_.chance(80) || play_.calm ? static_cast<MonoMs>(play_.below(30))
                                                  : static_cast<MonoMs>(play_.below(12'000)));
  } else if (what < 92) {
    if (play_.chance(50)) tls_site().renew();
    adopt(play_.calm || play_.chance(85));
  } else if (what < 93) {
    tell_of_peer();
  } else if (play_.calm) {
    world_.turn();
  } else if (what < 95) {
    any(clients_).hang_up();
  } else if (what < 97) {
    if (!peers_.empty()) any(peers_).misbehave();
  } else if (what < 98 && play_.chance(10)) {
    world_.core->begin_drain();
  }
  if (play_.chance(70)) exchange_bytes();
  if (play_.chance(50)) world_.turn();
}

// A check or the operator speaks of a peer.
void Schedule::tell_of_peer() {
  auto at = shared_.peers.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(play_.below(shared_.peers.size())));
  const auto& [name, state] = *at;
  if (!play_.calm && play_.chance(40)) {
    constexpr MonoMs kSpreads[] = {0, 100, 3'000};
    world_.core->close_tunnels(state, play_.chance(50) ? 1001 : 1012, Millis(kSpreads[play_.below(3)]));
    return;
  }
  if (!state->check_down) {
    state->check_down = true;
    world_.core->peer_down(*state);
    if (!play_.calm && play_.chance(30)) return;  // it stays away for a while
  }
  state->check_down = false;
  const auto line = shared_.lines.find(name.substr(0, name.find('/')));
  if (line != shared_.lines.end()) line->second->wake_all();
}

void Schedule::check() {
  for (const auto& [name, state] : shared_.peers)
    if (name.starts_with("narrow/") && state->inflight.load() > kNarrow)
      play_.fail(std::to_string(state->inflight.load()) + " requests on " + name);
  if (world_.count(Counter::kStateErrors) != 0) play_.fail("a transition that is in no table");
  for (const auto& client : clients_)
    if (client->wire->misuse != nullptr) play_.fail(std::string("towards a client: ") + client->wire->misuse);
  for (const auto& peer : peers_)
    if (peer->wire->misuse != nullptr) play_.fail(std::string("towards a peer: ") + peer->wire->misuse);
  if (world_.core->room() > most_connections(seed_)) play_.fail("more room than there are connections");
  size_t open = 0;
  for (const auto& client : clients_) open += client->wire->closed ? 0U : 1U;
  if (world_.core->handshakes() > open) play_.fail("more handshakes than connections");
  if (open != world_.core->sessions())
    play_.fail(std::to_string(open) + " open connections, " + std::to_string(world_.core->sessions()) + " sessions");
}

void Schedule::finish() {
  if (end_ == End::kDrain) {
    play_.good_peers = true;
    if (!play_.calm) world_.core->begin_drain();
    for (int round = 0; round < 3000 && world_.core->sessions() > 0 && play_.failure.empty(); ++round) {
      bool talking = false;
      for (auto& client : clients_) {
        client->wire->grant(kUnlimited);
        client->say();
        talking = talking || (!client->done_talking() && !client->gone());
      }
      while (!world_.connecting.empty()) decide_connect(*world_.connecting.front());
      for (size_t i = 0; i < peers_.size(); ++i) {
        peers_[i]->wire->grant(kUnlimited);
        peers_[i]->say();
        talking = talking || !peers_[i]->done_talking();
      }
      exchange_bytes();
      world_.advance(talking && round < 1000 ? 1 : 500);
      check();
    }
    if (play_.calm) {
      for (const auto& client : clients_)
        if (client->answers() != client->asked())
          play_.fail(std::to_string(client->asked()) + " requests, " + std::to_string(client->answers()) + " answers");
    }
    if (!world_.core->draining()) world_.core->begin_drain();
  } else if (end_ == End::kStop) {
    world_.core->close_all();
    world_.core->begin_drain();
  }
  // Nobody does anything any more.
  for (int i = 0; i < 100 && play_.failure.empty(); ++i) {
    world_.advance(i < 50 ? 500 : kMinute);
    check();
    if (i > 55 && world_.core->sessions() == 0 && world_.loop.armed() == 0) break;
  }
}

void Schedule::check_end() {
  for (const auto& client : clients_)
    if (!client->wire->closed) play_.fail("a session that nothing will ever end: " + client->wire->describe());
  for (const auto& peer : peers_)
    if (!peer->wire->closed) play_.fail("a connection to a peer that nothing will ever end: " + peer->wire->describe());
  if (world_.loop.armed() != 0) play_.fail(std::to_string(world_.loop.armed()) + " deadlines are still armed");
  if (world_.loop.chunks().outstanding() != 0)
    play_.fail(std::to_string(world_.loop.chunks().outstanding()) + " chunks are out");
  inside_.sweep();
  if (!inside_.runs.empty() || !inside_.asides.empty())
    play_.fail(std::to_string(inside_.runs.size() + inside_.asides.size()) + " subrequests were never over");
  if (world_.core->handshakes() != 0) play_.fail("a handshake is still counted");
  if (world_.full || world_.core->room() != most_connections(seed_))
    play_.fail("a connection is still counted: room for " + std::to_string(world_.core->room()));
  if (world_.core->encoders().lent_bytes() != 0) play_.fail("an encoder was not given back");
  if (filter_states_ != 0) play_.fail(std::to_string(filter_states_) + " states of filters are left");
  if (world_.core->live_epochs() != 1) play_.fail(std::to_string(world_.core->live_epochs()) + " epochs");
  for (size_t i = 0; i + 1 < sites_.size(); ++i)
    if (!sites_[i].expired()) play_.fail("an old site is still held");
  for (const auto& [name, state] : shared_.peers)
    if (state->inflight.load() != 0 || state->tunnels.load() != 0)
      play_.fail(std::to_string(state->inflight.load()) + " in flight on " + name);
  for (const auto& [name, line] : shared_.lines)
    if (line->has_waiting()) play_.fail(std::to_string(line->waiting()) + " wait for " + name);
  for (const auto& [name, inflight] : shared_.inflight)
    if (inflight->load() != 0) play_.fail(std::to_string(inflight->load()) + " in flight in " + name);
  for (const auto& [name, budget] : shared_.budgets) {
    for (uint32_t i = 0; i < SiteMaker::kBudget; ++i)
      if (!budget->take(0)) play_.fail("the retry budget of " + name + " was not given back");
    if (budget->take(0)) play_.fail("the retry budget of " + name + " was given back twice");
  }
  // Every exchange has one line: of each connection the requests 1 to n, each once.
  world_.core->flush_logs(true);
  std::map<uint64_t, uint32_t> last;
  uint64_t lines = 0;
  uint64_t answered = 0;
  for (const std::string& line : log_.take()) {
    ++lines;
    std::istringstream in(line);
    uint64_t connection = 0;
    uint32_t request = 0;
    int status = 0;
    in >> connection >> request >> status;
    if (request != ++last[connection]) play_.fail("not the next line of its connection: " + line);
    if (status >= 200 && status < 600) ++answered;
  }
  uint64_t counted = 0;
  for (const Counter c :
       {Counter::kResponses2xx, Counter::kResponses3xx, Counter::kResponses4xx, Counter::kResponses5xx})
    counted += world_.count(c);
  if (answered != counted)
    play_.fail(std::to_string(answered) + " answers logged, " + std::to_string(counted) + " counted");
  if (lines < world_.count(Counter::kRequests)) play_.fail("a request without a line");
}

}  // namespace weir::sim
