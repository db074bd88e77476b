// A cache between a client and a peer: whoever goes away meanwhile leaves it as it was.
#include "proxy/cache_content.h"

#include <filesystem>
#include <functional>
#include <future>
#include <string>

#include "cache/store.h"
#include "filter/gunzip.h"
#include "http/date.h"
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
  void wait_for_answers(uint64_t count) {
    turn_until([&] { return zone_->totals().answers == count; });
  }
  // A first request, whose answer is kept.
  void fill(std::string_view answer = kKept) {
    ask(kGet);
    tell(peer(), answer);
    EXPECT_TRUE(has(answered(), "200 OK"));
    wait_for_answers(1);
  }

  // Its answer has begun, and its client has gone.
  sim::Wire& begin_lone_fetch() {
    ask(kGet);
    sim::Wire& node = peer();
    tell(node, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(2 * kLargeHalf) +
                   "\r\nCache-Control: max-age=3600\r\n\r\n##");
    end(*client_);
    return node;
  }
  static constexpr size_t kLargeHalf = 1024 * 1024;

  // An answer that has been old for years.
  void put_old(const std::string& key = "/a") {
    const http::FieldList none;
    const cache::Zone::Found found = zone_->find({key, none, world_.now, 1});
    cache::StoredHead head;
    head.freshness.is_kept = true;
    head.freshness.until = 2;
    head.status = 200;
    head.reason = "OK";
    head.key = key;
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

TEST_F(CacheContents, fetch_goes_on_when_its_client_leaves) {
  for (const size_t came : {size_t{0}, kKept.find("\r\n\r\n"), kKept.size() - 2}) {
    SCOPED_TRACE(came);
    serve_cached();
    const std::string path = "/" + std::to_string(came);
    ask("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n");
    sim::Wire& node = peer();
    tell(node, kKept.substr(0, came));
    end(*client_);
    EXPECT_TRUE(client_->closed);
    EXPECT_EQ(world_.core->sessions(), 0U);
    EXPECT_TRUE(logged().empty()) << "one line, at its end";
    const uint64_t answers = zone_->totals().answers;
    tell(node, kKept.substr(came));
    wait_for_answers(answers + 1);
    const auto lines = logged();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_TRUE(has(lines[0], came < kKept.size() - 5 ? " 499  [" : " 200  [")) << lines[0];
    connect();
    ask("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n");
    EXPECT_TRUE(wait_for_answer().ends_with("kept!"));
    EXPECT_TRUE(world_.connecting.empty());
    world_.core->pool().close_idle();
    end(*client_);
    logged();
  }
  EXPECT_EQ(world_.core->exchanges(), 0U);
}

TEST_F(CacheContents, lone_fetch_ends_where_nothing_is_kept) {
  serve_cached();
  ask(kGet);
  sim::Wire& node = peer();
  end(*client_);
  EXPECT_FALSE(node.closed) << "who knows what it says";
  tell(node, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: no-store\r\n\r\nke");
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(world_.core->exchanges(), 0U);
  EXPECT_EQ(logged().size(), 1U);
}

TEST_F(CacheContents, lone_fetch_that_breaks_off_leaves_nothing) {
  serve_cached();
  ask(kGet);
  sim::Wire& node = peer();
  tell(node, kKept.substr(0, kKept.size() - 2));
  end(*client_);
  end(node);
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(world_.core->exchanges(), 0U);
  EXPECT_EQ(logged().size(), 1U);
  EXPECT_EQ(zone_->totals().answers, 0U);
}

TEST_F(CacheContents, lone_fetch_ends_with_the_core) {
  serve_cached();
  ask(kGet);
  sim::Wire& node = peer();
  end(*client_);
  world_.core->close_all();
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(logged().size(), 1U);
  EXPECT_EQ(world_.core->exchanges(), 0U);
}

TEST_F(CacheContents, lone_fetch_leaves_a_peer_that_is_down) {
  serve_cached();
  ask(kGet);
  sim::Wire& hung = peer();
  end(*client_);
  const auto down = [this](const char* name) {
    state(name).check_down = true;
    world_.core->peer_down(state(name));
  };
  down("app/10.0.0.1:13000");
  EXPECT_TRUE(hung.closed);
  ASSERT_EQ(world_.connecting.size(), 1U);
  EXPECT_EQ(world_.connecting.front()->address(), sim::ip("10.0.0.2", 13000));
  sim::Wire& other = peer();
  tell(other, kKept.substr(0, kKept.size() - 2));
  down("app/10.0.0.2:13000");
  EXPECT_FALSE(other.closed) << "its answer has begun";
  tell(other, kKept.substr(kKept.size() - 2));
  wait_for_answers(1);
  EXPECT_EQ(world_.core->exchanges(), 0U);
}

TEST_F(CacheContents, every_lone_fetch_leaves_a_peer_that_is_down) {
  serve_cached();
  for (const std::string path : {"/a", "/b", "/c", "/d"}) {
    connect();
    ask("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n");
    peer();
    end(*client_);
  }
  ASSERT_EQ(world_.core->exchanges(), 4U);
  state("app/10.0.0.1:13000").check_down = true;
  world_.core->peer_down(state("app/10.0.0.1:13000"));
  EXPECT_EQ(world_.connecting.size(), 2U) << "half of them were there";
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(world_.core->exchanges(), 2U);
}

// The disk is busy with as much as may wait for it.
TEST_F(CacheContents, lone_fetch_ends_when_its_disk_is_behind) {
  serve_cached();
  std::promise<void> busy;
  ASSERT_TRUE(zone_->disk().post([gate = busy.get_future().share()] { gate.wait(); }, cache::Disk::kMostBytes));
  sim::Wire& node = begin_lone_fetch();
  EXPECT_FALSE(node.closed) << "nothing has been given to the disk yet";
  tell(node, std::string(kLargeHalf, '#'));
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(world_.core->exchanges(), 0U);
  EXPECT_EQ(logged().size(), 1U);
  busy.set_value();
}

TEST_F(CacheContents, lone_fetch_ends_when_its_file_cannot_be_written) {
  serve_cached();
  turn_until([this] { return std::filesystem::is_directory(options_->path); });
  std::filesystem::remove_all(options_->path);
  sim::Wire& node = begin_lone_fetch();
  tell(node, std::string(kLargeHalf / 2, '#'));
  std::promise<void> written;
  ASSERT_TRUE(zone_->disk().post([&written] { written.set_value(); }, 0));
  written.get_future().wait();
  tell(node, "#");
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(world_.core->exchanges(), 0U);
  EXPECT_EQ(zone_->totals().answers, 0U);
}

TEST_F(CacheContents, silent_peer_of_a_lone_fetch_is_left) {
  serve_cached();
  ask(kGet);
  sim::Wire& node = peer();
  tell(node, kKept.substr(0, kKept.size() - 2));
  end(*client_);
  world_.advance(61'000);
  EXPECT_TRUE(node.closed);
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  EXPECT_EQ(world_.core->exchanges(), 0U);
}

TEST_F(CacheContents, client_that_leaves_an_uncached_method_ends_it) {
  serve_cached();
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n");
  sim::Wire& node = peer();
  end(*client_);
  EXPECT_TRUE(node.closed);
}

TEST_F(CacheContents, stalled_client_is_left_and_its_answer_kept) {
  serve_cached([](Location& location) { location.buffers.on = false; });
  client_->room = 0;
  ask(kGet);
  sim::Wire& node = peer();
  node.asks = true;
  tell(node,
       "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\nCache-Control: max-age=3600\r\n\r\n" + std::string(900'000, '#'));
  EXPECT_FALSE(node.reading);
  world_.advance(61'000);
  EXPECT_TRUE(client_->closed);
  EXPECT_TRUE(node.reading) << "nobody is waited for any more";
  tell(node, "");
  wait_for_answers(1);
}

TEST_F(CacheContents, lone_fetch_ends_beyond_max_size) {
  serve_cached();
  cache::ZoneOptions small = *options_;
  small.max_size = kLargeHalf;
  zone_->configure(small);
  sim::Wire& node = begin_lone_fetch();
  tell(node, std::string(kLargeHalf / 2, '#'));
  EXPECT_FALSE(node.closed);
  tell(node, std::string(kLargeHalf / 2, '#'));
  EXPECT_TRUE(node.closed);
  EXPECT_EQ(world_.core->exchanges(), 0U);
  EXPECT_EQ(logged().size(), 1U);
}

// --- POST

// An update aside would be a GET without the body that is in its key.
TEST_F(CacheContents, old_answer_to_a_post_is_fetched_by_the_post) {
  for (const auto& [key, old] : {std::pair("$request_method$uri", "POST/a"), std::pair("$uri$request_body", "/ahi")}) {
    SCOPED_TRACE(key);
    serve_cached([key = key](Location& location) {
      location.cache.caches_post = location.cache.updates_aside = true;
      location.cache.use_stale.updating = true;
      location.cache.key = *route::Template::compile(key, route::VariableNames());
    });
    zone_->purge("*");
    wait_for_answers(0);
    put_old(old);
    ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi");
    turn_until([this] { return !world_.connecting.empty(); });
    sim::Wire& node = peer();
    EXPECT_TRUE(node.outbound.starts_with("POST /a ")) << node.outbound;
    EXPECT_TRUE(node.outbound.ends_with("\r\n\r\nhi")) << node.outbound;
    tell(node, kKept);
    EXPECT_TRUE(wait_for_answer().ends_with("kept!"));
    world_.core->pool().close_idle();
  }
}

// What has not come whole is not in the key.
TEST_F(CacheContents, answer_to_a_large_post_is_not_kept) {
  const auto serve_posts = [this] {
    serve_cached([](Location& location) {
      location.cache.caches_post = true;
      location.cache.key = *route::Template::compile("$uri$request_body", route::VariableNames());
      location.body_buffer_bytes = 16;
    });
  };
  const std::string begin = "POST /a HTTP/1.1\r\nHost: app.test\r\n";
  for (const bool is_chunked : {false, true}) {
    SCOPED_TRACE(is_chunked);
    serve_posts();
    for (const char letter : {'a', 'b'}) {
      const std::string half(20, letter);
      const std::string chunk = "14\r\n" + half + "\r\n";
      ask(begin + (is_chunked ? "Transfer-Encoding: chunked\r\n\r\n" + chunk : "Content-Length: 40\r\n\r\n" + half));
      turn_until([this] { return !world_.connecting.empty() || !client_->outbound.empty(); });
      ASSERT_FALSE(world_.connecting.empty()) << answered();
      sim::Wire& node = peer();
      ask(is_chunked ? chunk + "0\r\n\r\n" : half);
      EXPECT_TRUE(has(node.outbound, half)) << node.outbound;
      tell(node, kKept);
      EXPECT_TRUE(wait_for_answer().ends_with("kept!"));
      world_.core->pool().close_idle();
      std::promise<void> written;
      ASSERT_TRUE(zone_->disk().post([&written] { written.set_value(); }, 0));
      written.get_future().wait();
    }
  }
  EXPECT_EQ(zone_->totals().answers, 0U);
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kHit), 0U);
}

TEST_F(CacheContents, answer_to_a_small_post_is_kept_for_its_body) {
  serve_cached([](Location& location) {
    location.cache.caches_post = true;
    location.cache.key = *route::Template::compile("$uri$request_body", route::VariableNames());
  });
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi");
  tell(peer(), kKept);
  EXPECT_TRUE(answered().ends_with("kept!"));
  wait_for_answers(1);
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  EXPECT_TRUE(wait_for_answer().ends_with("kept!"));
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kHit), 1U);
}

// --- parts of what is fetched whole

constexpr std::string_view kTagged =
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nCache-Control: max-age=3600\r\nETag: \"v1\"\r\nContent-Type: "
    "text/plain\r\n\r\n0123456789";

class Parts : public CacheContents {
 protected:
  // What a client gets that asks for it first.
  std::string missed(const std::string& fields, std::string_view answer = kTagged) {
    serve_cached();
    ask("GET /a HTTP/1.1\r\nHost: app.test\r\n" + fields + "\r\n");
    sim::Wire& node = peer();
    EXPECT_FALSE(has(node.outbound, "Range") || has(node.outbound, "If-"));
    const size_t head = answer.find("\r\n\r\n") + 4;
    tell(node, answer.substr(0, head + 3));
    tell(node, answer.substr(head + 3));
    wait_for_answers(1);
    return answered();
  }
  void expect_kept_whole() {
    ask(kGet);
    EXPECT_TRUE(wait_for_answer().ends_with("0123456789"));
  }
};

TEST_F(Parts, range_is_cut_out_and_all_is_kept) {
  const std::string answer = missed("Range: bytes=2-5\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 206 Partial Content\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Range: bytes 2-5/10\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Length: 4\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n2345")) << answer;
  expect_kept_whole();
}

TEST_F(Parts, range_behind_the_end_is_unsatisfiable) {
  const std::string answer = missed("Range: bytes=10-\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 416 ")) << answer;
  EXPECT_TRUE(has(answer, "Content-Range: bytes */10\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Length: 0\r\n")) << answer;
  EXPECT_FALSE(has(answer, "Content-Type")) << answer;
  expect_kept_whole();
}

TEST_F(Parts, several_ranges_are_answered_whole) {
  const std::string answer = missed("Range: bytes=0-1,4-5\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n") && answer.ends_with("0123456789")) << answer;
}

TEST_F(Parts, range_of_another_version_is_answered_whole) {
  const std::string answer = missed("Range: bytes=2-5\r\nIf-Range: \"v0\"\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n") && answer.ends_with("0123456789")) << answer;
}

TEST_F(Parts, range_of_an_unknown_length_is_answered_whole) {
  const std::string answer =
      missed("Range: bytes=2-5\r\n",
             "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"
             "0\r\n\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n") && has(answer, "789")) << answer;
  expect_kept_whole();
}

TEST_F(Parts, known_version_is_not_modified) {
  const std::string answer = missed("If-None-Match: \"v1\"\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 304 ")) << answer;
  EXPECT_TRUE(has(answer, "ETag: \"v1\"\r\n")) << answer;
  EXPECT_FALSE(has(answer, "Content-")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  expect_kept_whole();
}

TEST_F(Parts, client_that_has_its_part_may_leave) {
  serve_cached();
  ask("GET /a HTTP/1.1\r\nHost: app.test\r\nRange: bytes=0-1\r\n\r\n");
  sim::Wire& node = peer();
  tell(node, kTagged.substr(0, kTagged.size() - 5));
  EXPECT_TRUE(answered().ends_with("\r\n\r\n01"));
  end(*client_);
  tell(node, kTagged.substr(kTagged.size() - 5));
  wait_for_answers(1);
}

// --- variables

TEST_F(CacheContents, request_names_its_cache) {
  serve_cached([this](Location& location) {
    location.cache.zone = nullptr;
    location.cache.running = nullptr;
    route::VariableNames names;
    location.cache.name = *route::Template::compile("$arg_zone", names);
    location.cache.named = {options_};
    location.cache.all_running = {zone_};
  });
  const auto asked = [](const std::string& zone, const std::string& method = "GET") {
    return method + " /a?zone=" + zone + " HTTP/1.1\r\nHost: app.test\r\n" +
           (method == "POST" ? "Content-Length: 0\r\n\r\n" : "\r\n");
  };
  const auto tell_asked = [this](std::string_view answer) {
    if (!world_.connecting.empty()) peer();
    for (const auto& each : peers_)
      if (!std::exchange(each->outbound, {}).empty()) tell(*each, answer);
  };
  for (const std::string off : {"", "off"}) {
    ask(asked(off));
    tell_asked(kKept);
    EXPECT_TRUE(answered().ends_with("kept!"));
  }
  EXPECT_EQ(zone_->totals().answers, 0U);
  ask(asked("z"));
  tell_asked(kKept);
  EXPECT_TRUE(answered().ends_with("kept!"));
  wait_for_answers(1);
  ask(asked("z"));
  EXPECT_TRUE(wait_for_answer().ends_with("kept!"));
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kHit), 1U);
  ask(asked("nowhere"));
  EXPECT_TRUE(has(answered(), "HTTP/1.1 500 "));
  ask(asked("nowhere", "POST"));
  tell_asked(kOk);
  EXPECT_TRUE(answered().ends_with("ok")) << "a method that no cache is asked for";
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
  const auto waiting = another(kGet);
  EXPECT_EQ(world_.connecting.size(), 1U) << "it waits for the first";
  end(*client_);  // no peer has its request yet
  turn_until([this] { return !world_.connecting.empty(); });
  tell(peer(), kKept);
  EXPECT_TRUE(has(waiting->outbound, "kept!"));
}

TEST_F(CacheContents, waiter_asks_when_its_leader_takes_too_long) {
  serve_cached([](Location& location) {
    location.cache.locks = true;
    location.cache.lock_age = Millis{500};
    location.cache.lock_timeout = Millis{6'000};
  });
  ask(kGet);
  peer();  // says nothing
  const std::shared_ptr<sim::Wire> waiting[] = {another(kGet), another(kGet)};
  world_.advance(490);
  EXPECT_TRUE(world_.connecting.empty());
  world_.advance(20);
  ASSERT_EQ(world_.connecting.size(), 1U);
  tell(peer(), kKept);
  for (const auto& each : waiting) turn_until([&] { return has(each->outbound, "kept!"); });
}

// The second wait is for a peer, not for the disk, and has its own limit.
TEST_F(CacheContents, lock_behind_a_lost_write_lasts_its_timeout) {
  serve_cached([](Location& location) { location.cache.locks = true; });
  std::promise<void> busy;
  ASSERT_TRUE(zone_->disk().post([gate = busy.get_future().share()] { gate.wait(); }, 0));
  ask(kGet);
  tell(peer(), kKept);
  const std::shared_ptr<sim::Wire> waiting[] = {another(kGet), another(kGet)};
  zone_->purge("*");
  busy.set_value();
  turn_until([&] { return !world_.connecting.empty(); });
  world_.advance(1'500);
  ASSERT_EQ(world_.connecting.size(), 1U) << "one of them asks, the other waits";
  tell(peer(), kKept);
  for (const auto& each : waiting) turn_until([&] { return has(each->outbound, "kept!"); });
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
  turn_until([this] { return !world_.connecting.empty(); });
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("old")) << answer;
  EXPECT_TRUE(has(answer, "\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n")) << "when it came, as its peer says nothing";
  EXPECT_EQ(zone_->outcomes(cache::Outcome::kStale), 1U);
}

TEST_F(CacheContents, old_answer_is_refreshed_by_not_modified) {
  serve_cached([](Location& location) { location.cache.revalidates = true; });
  put_old();
  ask("GET /a HTTP/1.1\r\nHost: app.test\r\nIf-None-Match: \"mine\"\r\n\r\n");
  turn_until([this] { return !world_.connecting.empty(); });
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

// Of another cache, which had it for a while.
TEST_F(CacheContents, age_of_not_modified_counts) {
  serve_cached([](Location& location) { location.cache.revalidates = true; });
  put_old();
  ask(kGet);
  turn_until([this] { return !world_.connecting.empty(); });
  tell(peer(), "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\nETag: \"v1\"\r\nAge: 590\r\n\r\n");
  EXPECT_TRUE(has(wait_for_answer(), "\r\nAge: 590\r\n"));
  ask(kGet);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "\r\nAge: 59")) << answer;
  EXPECT_EQ(answer.find("Age: "), answer.rfind("Age: ")) << answer;
  const http::FieldList none;
  const int64_t wall = world_.loop.wall_us() / 1'000'000;
  EXPECT_LE(zone_->find({"/a", none, world_.now, wall}).freshness.until, wall + 10);
}

TEST_F(CacheContents, hit_has_the_date_that_its_age_counts_from) {
  serve_cached();
  http::DateText text;
  const std::string date =
      "\r\nDate: " + std::string(http::imf_fixdate(world_.loop.wall_us() - 100'000'000, text)) + "\r\n";
  fill("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=3600" + date + "\r\nkept!");
  ask(kGet);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, date) && has(answer, "\r\nAge: 10")) << answer;
  EXPECT_EQ(answer.find("Date: "), answer.rfind("Date: ")) << answer;
}

TEST_F(CacheContents, page_of_an_undecodable_answer_is_sent_slowly_too) {
  serve_cached([](Location& location) {
    location.limit_rate = {1000, std::nullopt};
    add_filter(location, filter::make_gunzip({}));
  });
  const http::FieldList none;
  const int64_t wall = world_.loop.wall_us() / 1'000'000;
  const cache::Zone::Found found = zone_->find({"/a", none, world_.now, wall});
  cache::StoredHead head;
  head.freshness.is_kept = true;
  head.freshness.until = wall + 3600;
  head.status = 200;
  head.reason = "OK";
  head.key = "/a";
  head.fields = {{"Content-Encoding", "gzip"}};
  cache::Store store(zone_, found, head);
  store.add(std::string(300'000, 'x'));  // its first piece is not all of it
  store.complete();
  wait_for_answers(1);
  ask(kGet);
  expect_slow_page_of_500();
  EXPECT_TRUE(world_.connecting.empty());
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
