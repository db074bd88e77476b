// A cache between a client and a peer: whoever goes away meanwhile leaves it as it was.
#include "proxy/cache_content.h"

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "cache/store.h"
#include "unit/proxy/rig.h"
#include "unit/temp_dir.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kKept =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=3600\r\nX-Of: peer\r\n\r\nkept!";

class CacheContents : public Rig {
 protected:
  CacheContents() {
    options_->name = "z";
    options_->path = dir_ / "cache";
    options_->keys_bytes = 1024 * 1024;
    zone_ = std::make_shared<cache::Zone>(*options_);
    zone_->start();
  }
  // `tune`: of the location's cache.
  void serve_cached(const std::function<void(Location&)>& tune = {}) {
    serve([&](sim::SiteMaker& maker, int app) {
      Location& location = maker.proxied("/", app);
      location.cache.zone = options_;
      location.cache.running = zone_;
      location.cache.key = *route::Template::compile("$uri", route::VariableNames());
      if (tune) tune(location);
    });
    connect();
  }
  void eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < until) {
      world_.loop.turn(false);
      std::this_thread::yield();
    }
    EXPECT_TRUE(holds());
  }
  void wait_for_answers(uint64_t count) {
    eventually([&] { return zone_->totals().answers == count; });
  }
  std::string wait_for_answer() {
    eventually([this] { return !client_->outbound.empty(); });
    return answered();
  }
  // A first request, whose answer is kept.
  void fill(std::string_view answer = kKept) {
    ask(kGet);
    tell(peer(), answer);
    EXPECT_TRUE(has(answered(), "200 OK"));
    wait_for_answers(1);
  }

  // An answer that has been old for years.
  void put_old() {
    const http::FieldList none;
    const cache::Zone::Found found = zone_->find({"/a", none, world_.now, 1});
    cache::StoredHead head;
    head.freshness.is_kept = true;
    head.freshness.until = 2;
    head.status = 200;
    head.reason = "OK";
    head.key = "/a";
    head.fields = {{"ETag", "\"v1\""}};
    cache::Store store(zone_, found, head);
    store.add("old");
    store.complete();
    zone_->end_update(found.digest, found.update);
    wait_for_answers(1);
  }

  TempDir dir_;
  std::shared_ptr<cache::ZoneOptions> options_ = std::make_shared<cache::ZoneOptions>();
  std::shared_ptr<cache::Zone> zone_;
};

TEST_F(CacheContents, hit_asks_no_peer) {
  serve_cached();
  fill();
  ask(kGet);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(has(answer, "X-Of: peer\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Age: 0\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nkept!")) << answer;
  EXPECT_TRUE(world_.connecting.empty());
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kHit), 1U);
}

TEST_F(CacheContents, client_that_goes_takes_its_store_along) {
  serve_cached();
  ask(kGet);
  tell(peer(), kKept.substr(0, kKept.size() - 2));
  end(*client_);
  connect();
  ask("GET /other HTTP/1.1\r\nHost: app.test\r\n\r\n");
  tell(peer(), kKept);
  wait_for_answers(1);
  connect();
  ask(kGet);
  EXPECT_FALSE(world_.connecting.empty()) << "nothing is kept of what broke off";
}

TEST_F(CacheContents, peer_that_breaks_off_leaves_nothing) {
  serve_cached();
  ask(kGet);
  sim::Wire& node = peer();
  tell(node, kKept.substr(0, kKept.size() - 2));
  end(node);
  connect();
  ask(kGet);
  EXPECT_FALSE(world_.connecting.empty());
  EXPECT_EQ(zone_->totals().answers, 0U);
}

TEST_F(CacheContents, waiter_takes_over_when_its_leader_goes) {
  serve_cached([](Location& location) { location.cache.locks = true; });
  ask(kGet);
  peer();
  const auto waiting = another(kGet);
  EXPECT_TRUE(world_.connecting.empty()) << "it waits for the first";
  end(*client_);
  eventually([this] { return !world_.connecting.empty(); });
  tell(peer(), kKept);
  EXPECT_TRUE(has(waiting->outbound, "kept!"));
}

TEST_F(CacheContents, waiter_that_goes_is_forgotten) {
  serve_cached([](Location& location) { location.cache.locks = true; });
  ask(kGet);
  sim::Wire& node = peer();
  const auto waiting = another(kGet);
  end(*waiting);
  tell(node, kKept);
  EXPECT_TRUE(has(answered(), "kept!"));
  wait_for_answers(1);
  EXPECT_EQ(logged().size(), 2U);
}

TEST_F(CacheContents, old_answer_stands_in_where_no_peer_is) {
  serve_cached([](Location& location) { location.cache.use_stale.error = true; });
  put_old();
  ask(kGet);
  eventually([this] { return !world_.connecting.empty(); });
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("old")) << answer;
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kStale), 1U);
}

TEST_F(CacheContents, old_answer_is_refreshed_by_not_modified) {
  serve_cached([](Location& location) { location.cache.revalidates = true; });
  put_old();
  ask("GET /a HTTP/1.1\r\nHost: app.test\r\nIf-None-Match: \"mine\"\r\n\r\n");
  eventually([this] { return !world_.connecting.empty(); });
  sim::Wire& node = peer();
  EXPECT_TRUE(has(node.outbound, "If-None-Match: \"v1\"\r\n")) << node.outbound;
  EXPECT_FALSE(has(node.outbound, "mine")) << node.outbound;
  tell(node, "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\n\r\n");
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n") && answer.ends_with("old")) << answer;
  EXPECT_TRUE(has(answer, "Cache-Control: max-age=3600\r\n")) << answer;
  ask(kGet);
  EXPECT_TRUE(wait_for_answer().ends_with("old"));
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kRevalidated), 1U);
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kHit), 1U);
}

TEST_F(CacheContents, exchange_is_used_again_without_a_cache) {
  serve_cached();
  fill();
  serve_app();
  connect();
  ask(kGet);
  tell(peer(), kOk);
  EXPECT_TRUE(answered().ends_with("ok"));
}

}  // namespace
}  // namespace weir::proxy
