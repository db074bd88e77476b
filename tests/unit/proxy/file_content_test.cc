// Files in an exchange, where the disk is slow: every look at it goes to a thread (links that are not followed blindly
// are never taken from the caches), and a request waits, goes on or ends meanwhile.
#include "proxy/file_content.h"

#include <fcntl.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "filter/gunzip.h"
#include "unit/proxy/rig.h"
#include "unit/temp_dir.h"

namespace weir::proxy {
namespace {

using filter::Verdict;

constexpr std::string_view kGetFile = "GET /a.txt HTTP/1.1\r\nHost: app.test\r\n\r\n";

class FileContents : public Rig {
 protected:
  FileContents() { dir_.write("a.txt", "abc"); }
  static void serve_files(Location& location, const std::string& root) {
    location.files.root = route::Template::literal(root);
    location.files.links = io::Links::kSameOwner;
    location.files.trusted = route::Template::literal(root);
  }
  static void add_try(Location& location, const char* last, int status = 0) {
    TryFiles tries;
    route::VariableNames names;
    tries.names.push_back({*route::Template::compile("$uri", names)});
    if (status == 0) tries.last = *route::Template::compile(last, names);
    tries.status = status;
    location.files.tries = std::make_shared<const TryFiles>(std::move(tries));
  }
  // An if (-f FILE) { return 201; } in front of the location.
  static RewriteStep if_file(const std::string& path, int status) {
    RewriteStep inside{.kind = RewriteStep::Kind::kReturn};
    inside.returns.status = status;
    RewriteStep step{.kind = RewriteStep::Kind::kIf};
    step.condition.kind = Condition::Kind::kRegularFile;
    step.condition.subject = route::Template::literal(path);
    step.inside.push_back(std::move(inside));
    return step;
  }
  TempDir dir_;
};

TEST_F(FileContents, answer_comes_when_the_disk_has_answered) {
  serve([&](sim::SiteMaker& maker, int) { serve_files(maker.location("/"), dir_.path()); });
  connect();
  ask(kGetFile);
  EXPECT_EQ(answered(), "") << "nothing is known of the file yet";
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nabc")) << answer;
}

TEST_F(FileContents, client_that_goes_meanwhile_is_logged_once) {
  serve([&](sim::SiteMaker& maker, int) { serve_files(maker.location("/"), dir_.path()); });
  connect();
  ask(kGetFile);
  end(*client_);
  EXPECT_EQ(logged().size(), 1u);
  connect();
  ask(kGetFile);
  EXPECT_TRUE(wait_for_answer().ends_with("abc")) << "the exchange is used again";
}

TEST_F(FileContents, body_that_comes_meanwhile_reaches_the_peer) {
  serve([&](sim::SiteMaker& maker, int app) {
    serve_files(maker.proxied("/", app), dir_.path());
    maker.server().rewrite.push_back(if_file(dir_ / "none", 503));
    Location& first = maker.proxied("/try", app);
    serve_files(first, dir_.path());
    add_try(first, "/to$uri");
  });
  connect();
  ask("POST /try HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
  ask("3\r\ntwo\r\n");
  EXPECT_TRUE(world_.connecting.empty());
  ask("0\r\n\r\n");
  for (int i = 0; world_.connecting.empty() && i < 10'000; ++i) world_.loop.turn(true);
  sim::Wire& node = peer();
  EXPECT_TRUE(has(node.outbound, "POST /to/try HTTP/1.1\r\n")) << node.outbound;
  EXPECT_TRUE(has(node.outbound, "onetwo")) << node.outbound;
}

TEST_F(FileContents, waiting_steps_go_on_where_they_were) {
  serve([&](sim::SiteMaker& maker, int) {
    Location& location = maker.returning("/", 200, "through");
    location.returns.reset();
    location.rewrite.push_back(if_file(dir_ / "none", 500));
    location.rewrite.push_back(if_file(dir_ / "a.txt", 299));
    location.rewrite.push_back(if_file(dir_ / "a.txt", 500));
    serve_files(location, dir_.path());
  });
  connect();
  ask(kGetFile);
  const std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 299 ")) << answer;
}

TEST_F(FileContents, broken_body_ends_a_request_that_waits) {
  serve([&](sim::SiteMaker& maker, int app) {
    Location& location = maker.proxied("/", app);
    serve_files(location, dir_.path());
    location.rewrite.push_back(if_file(dir_ / "none", 500));
  });
  connect();
  ask("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nbroken\r\n");
  EXPECT_TRUE(has(answered(), "HTTP/1.1 400 "));
  for (int i = 0; i < 10; ++i) world_.loop.turn(false);
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(FileContents, location_limit_holds_for_a_body_that_came_before_it) {
  serve([&](sim::SiteMaker& maker, int app) {
    maker.server().rewrite.push_back(if_file(dir_ / "none", 503));
    Location& location = maker.proxied("/", app);
    serve_files(location, dir_.path());
    location.max_body_bytes = 4;
  });
  connect();
  ask("POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n");
  EXPECT_TRUE(has(wait_for_answer(), "HTTP/1.1 413 "));
}

TEST_F(FileContents, tried_file_is_sent) {
  serve([&](sim::SiteMaker& maker, int) {
    Location& location = maker.location("/");
    serve_files(location, dir_.path());
    add_try(location, "", 410);
  });
  connect();
  ask(kGetFile);
  EXPECT_TRUE(wait_for_answer().ends_with("\r\n\r\nabc"));
  ask("GET /none HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_TRUE(has(wait_for_answer(), "HTTP/1.1 410 "));
}

// Holds the head of the first answer until it is told to go on.
class Holding final : public filter::Filter {
 public:
  Verdict on_response(filter::Context& context, http::ResponseHead&) const override {
    if (way_on) return Verdict::kContinue;
    way_on = context.resume;
    return Verdict::kSuspend;
  }
  mutable std::optional<filter::Resume> way_on;
};

TEST_F(FileContents, page_of_a_file_that_shrinks_is_sent_slowly_too) {
  const auto holding = std::make_shared<Holding>();
  dir_.write("a.txt", std::string(1000, 'x'));
  serve([&](sim::SiteMaker& maker, int) {
    Location& location = maker.location("/");
    serve_files(location, dir_.path());
    location.limit_rate = {1000, std::nullopt};
    add_filter(location, holding);
  });
  connect();
  ask("GET /a.txt HTTP/1.1\r\nHost: app.test\r\nRange: bytes=500-599\r\n\r\n");  // not read with its opening
  for (int i = 0; !holding->way_on && i < 10'000; ++i) world_.loop.turn(true);
  ASSERT_TRUE(holding->way_on);
  dir_.write("a.txt", "xxx");
  (*holding->way_on)();
  std::string answer = wait_for_answer();
  EXPECT_TRUE(has(answer, "HTTP/1.1 500 ")) << answer;
  EXPECT_FALSE(has(answer, "</html>")) << "all of it at once: there is nothing to wait for";
  dir_.write("a.txt", std::string(1000, 'x'));
  for (int step = 0; step < 20; ++step) {
    world_.advance(100);
    world_.settle();
  }
  answer += answered();
  EXPECT_TRUE(answer.ends_with("</html>\r\n")) << answer;
  EXPECT_FALSE(has(answer, "xxx")) << answer;
  EXPECT_FALSE(client_->closed);
}

TEST_F(FileContents, page_of_an_undecodable_file_is_sent_slowly_too) {
  dir_.write("a.txt.gz", std::string(300'000, 'x'));  // its first piece is not all of it
  serve([&](sim::SiteMaker& maker, int) {
    Location& location = maker.location("/");
    serve_files(location, dir_.path());
    location.files.gzip = UseGzip::kAlways;
    location.limit_rate = {1000, std::nullopt};
    add_filter(location, filter::make_gunzip({}));
  });
  connect();
  ask(kGetFile);
  expect_slow_page_of_500();
}

// Of a file that stands in the kernel's cache.
class SentFiles : public FileContents {
 protected:
  SentFiles() {
    for (size_t i = 0; i < 300'000; ++i) body_ += static_cast<char>('a' + (i * 31 + i / 251) % 26);
    dir_.write("large", body_);
  }
  template <class Fill>
  void serve_large(Fill&& fill) {
    serve([&](sim::SiteMaker& maker, int) {
      Location& location = maker.location("/");
      location.files.root = route::Template::literal(dir_.path());
      fill(location);
    });
    connect();
    client_->sends_files = true;
  }
  // The answer, taken in such steps.
  std::string get(size_t step, std::string_view fields = "") {
    client_->room = std::min<size_t>(step, sim::kUnlimited);
    ask("GET /large HTTP/1.1\r\nHost: app.test\r\n" + std::string(fields) + "\r\n");
    std::string answer = answered();
    bool is_logged = false;
    turn_until([&] {
      client_->grant(step);
      answer += answered();
      is_logged = is_logged || !logged().empty();
      return is_logged && client_->queue.empty();
    });
    EXPECT_EQ(client_->misuse, nullptr);
    return answer;
  }
  // Whether this file system says what of a file is cached.
  bool is_told() const {
    const OwnedFd fd(::open((dir_ / "large").c_str(), O_RDONLY));
    return io::cached_size(fd.get(), 0, 1) == 1;
  }
  std::string body_;
};

TEST_F(SentFiles, large_file_goes_from_the_cache_to_the_client) {
  serve_large([](Location&) {});
  const std::string answer = get(sim::kUnlimited);
  EXPECT_TRUE(has(answer, "\r\nContent-Length: 300000\r\n")) << answer.substr(0, 300);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body_));
  if (is_told()) {
    EXPECT_EQ(client_->from_files, 300'000U);
  }
  EXPECT_EQ(client_->sent, answer.size());
  EXPECT_TRUE(get(sim::kUnlimited).ends_with("\r\n\r\n" + body_)) << "the connection goes on";
}

TEST_F(SentFiles, slow_client_gets_the_whole_in_order) {
  serve_large([](Location&) {});
  for (const size_t step : {1'000, 17'000, 100'000}) {
    client_->from_files = 0;
    EXPECT_TRUE(get(step).ends_with("\r\n\r\n" + body_)) << step;
    if (is_told()) {
      EXPECT_GT(client_->from_files, 0U) << step;
    }
  }
}

// sendfile_max_chunk
TEST_F(SentFiles, fast_client_gets_a_great_file_in_several_turns) {
  while (body_.size() < 5'000'000) body_ += body_.substr(0, 300'000);
  dir_.write("large", body_);
  struct Case {
    bool sendfile;
    int64_t most;
  };
  for (const auto& [sendfile, most] : {Case{true, 2'097'152}, Case{false, 2'097'152}, Case{true, 512'000}}) {
    SCOPED_TRACE(std::to_string(most) + (sendfile ? " sent" : " read"));
    serve_large([sendfile = sendfile, most = most](Location& location) {
      location.files.sendfile = sendfile;
      location.files.most_in_a_turn = most;
    });
    ask("GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n");
    std::string answer = answered();
    EXPECT_LT(answer.size(), static_cast<size_t>(most) + 200'000);
    bool is_logged = false;
    turn_until([&] {
      answer += answered();
      is_logged = is_logged || !logged().empty();
      return is_logged;
    });
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body_));
    EXPECT_EQ(client_->misuse, nullptr);
  }
}

TEST_F(SentFiles, whole_file_goes_in_one_turn_where_none_is_bounded) {
  while (body_.size() < 5'000'000) body_ += body_.substr(0, 300'000);
  dir_.write("large", body_);
  if (!is_told()) GTEST_SKIP() << "this file system does not say what of a file is cached: it is read off the loop";
  serve_large([](Location& location) { location.files.most_in_a_turn = 0; });
  ask("GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n");
  EXPECT_TRUE(answered().ends_with("\r\n\r\n" + body_));
}

TEST_F(SentFiles, client_that_goes_between_turns_gets_no_more) {
  while (body_.size() < 5'000'000) body_ += body_.substr(0, 300'000);
  dir_.write("large", body_);
  serve_large([](Location&) {});
  ask("GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n");
  client_->fail(-ECONNRESET);
  answered();
  for (int i = 0; i < 10; ++i) world_.loop.turn(false);
  EXPECT_EQ(answered(), "");
  EXPECT_EQ(client_->misuse, nullptr);
  EXPECT_TRUE(client_->closed);
}

TEST_F(SentFiles, ranges_are_parts_of_the_file) {
  serve_large([](Location&) {});
  EXPECT_TRUE(get(50'000, "Range: bytes=100000-250000\r\n").ends_with("\r\n\r\n" + body_.substr(100'000, 150'001)));
  const std::string parts = get(50'000, "Range: bytes=0-99999,200000-299999\r\n");
  EXPECT_TRUE(has(parts, "\r\n\r\n" + body_.substr(0, 100'000) + "\r\n--")) << parts.size();
  EXPECT_TRUE(has(parts, "\r\n\r\n" + body_.substr(200'000) + "\r\n--")) << parts.size();
}

TEST_F(SentFiles, small_file_goes_with_its_head) {
  dir_.write("large", "small");
  serve_large([](Location&) {});
  EXPECT_TRUE(get(sim::kUnlimited).ends_with("\r\n\r\nsmall"));
  EXPECT_EQ(client_->from_files, 0U);
}

TEST_F(SentFiles, file_is_read_where_weir_counts_or_changes_bytes) {
  const std::vector<std::function<void(Location&)>> settings{
      [](Location& location) { location.files.sendfile = false; },
      [](Location& location) {
        location.limit_rate = {1 << 30, std::nullopt};
      },
      [](Location& location) {
        location.add_trailers.push_back({.name = "X-End", .value = route::Template::literal("end"), .always = true});
      },
  };
  for (const auto& setting : settings) {
    serve_large(setting);
    const std::string answer = get(sim::kUnlimited);
    EXPECT_TRUE(has(answer, body_.substr(0, 1000))) << answer.size();
    EXPECT_EQ(client_->from_files, 0U);
  }
}

TEST_F(SentFiles, file_that_shrinks_breaks_the_answer_off) {
  serve_large([](Location&) {});
  client_->room = 20'000;
  ask("GET /large HTTP/1.1\r\nHost: app.test\r\n\r\n");
  dir_.write("large", "short");
  turn_until([this] {
    client_->grant(100'000);
    return client_->closed;
  });
  EXPECT_LT(answered().size(), 300'000U);
}

TEST_F(FileContents, core_closes_while_the_disk_is_asked) {
  serve([&](sim::SiteMaker& maker, int) { serve_files(maker.location("/"), dir_.path()); });
  connect();
  ask(kGetFile);
  another("GET /d/ HTTP/1.1\r\nHost: app.test\r\n\r\n");
}

}  // namespace
}  // namespace weir::proxy
