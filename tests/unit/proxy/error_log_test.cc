// What the error log says when many requests meet the same trouble at once.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "rig.h"

namespace weir::proxy {
namespace {

class ErrorLog : public Rig {
 protected:
  ErrorLog() { EXPECT_TRUE(log::configure({{path_, LogLevel::kWarn}})); }
  ~ErrorLog() override {
    EXPECT_TRUE(log::configure({{"stderr", LogLevel::kNotice}}));
    std::filesystem::remove(path_);
  }
  std::string written() const {
    log::flush();
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Requests for a path on a connection each.
  void get(const std::string& path, int times) {
    for (int i = 0; i < times; ++i) another("GET " + path + " HTTP/1.1\r\nHost: app.test\r\n\r\n");
  }
  static size_t count(std::string_view text, std::string_view what) {
    size_t found = 0;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
    return found;
  }

 private:
  const std::string path_ = "/tmp/weir-error-log-" + std::to_string(::getpid());
};

TEST_F(ErrorLog, each_dead_upstream_is_named) {
  serve([](sim::SiteMaker& maker, int app) {
    const int other = maker.upstream("other", {"10.0.0.9"});
    maker.proxied("/", app);
    maker.proxied("/other", other);
  });
  for (const char* peer : {"app/10.0.0.1:13000", "app/10.0.0.2:13000", "other/10.0.0.9:13000"})
    state(peer).check_down = true;
  get("/", 20);
  get("/other", 3);
  std::string text = written();
  EXPECT_EQ(count(text, "upstream \"app\": no peer available (none is up"), 1U) << text;
  EXPECT_EQ(count(text, "upstream \"other\": no peer available (none is up"), 1U) << text;
  EXPECT_FALSE(has(text, "dropped"));
  world_.now += LogLimit::kWindow;
  world_.loop.turn(false);
  get("/", 1);
  get("/other", 1);
  text = written();
  EXPECT_EQ(count(text, "(19 such lines dropped)"), 1U) << text;
  EXPECT_EQ(count(text, "(2 such lines dropped)"), 1U) << text;
}

TEST_F(ErrorLog, a_full_upstream_does_not_silence_a_dead_upstream) {
  serve([](sim::SiteMaker& maker, int) {
    const int app = maker.upstream("small", {"10.0.0.1", "10.0.0.2"}, policy::Method::kRoundRobin,
                                   [](policy::PeerOptions& peer) { peer.max_conns = 1; });
    maker.proxied("/", app);
  });
  get("/", 3);
  for (const char* peer : {"small/10.0.0.1:13000", "small/10.0.0.2:13000"}) state(peer).check_down = true;
  get("/", 1);
  const std::string text = written();
  EXPECT_EQ(count(text, "upstream \"small\": no peer available (all are at max_conns"), 1U) << text;
  EXPECT_EQ(count(text, "upstream \"small\": no peer available (none is up"), 1U) << text;
}

TEST_F(ErrorLog, each_peer_with_unsolicited_bytes_is_named) {
  serve_app();
  for (int i = 0; i < 2; ++i) {
    another(kGet);
    sim::Wire& one = peer();
    tell(one, kOk);
  }
  for (const auto& wire : peers_) tell(*wire, "HTTP/1.1 408 Request Timeout\r\n\r\n");
  const std::string text = written();
  EXPECT_EQ(count(text, "app/10.0.0.1:13000: connection closed"), 1U) << text;
  EXPECT_EQ(count(text, "app/10.0.0.2:13000: connection closed"), 1U) << text;
}

TEST_F(ErrorLog, unknown_upstreams_of_one_server_share_a_line_a_second) {
  serve([](sim::SiteMaker& maker, int app) {
    maker.proxied("/", app).pass->dynamic = *route::Template::compile("http://$arg_to", {});
  });
  for (const char* path : {"/?to=one", "/?to=two", "/?to=three"}) get(path, 10);
  EXPECT_EQ(count(written(), "no resolver defined to resolve one"), 1U) << written();
}

TEST_F(ErrorLog, each_peer_with_invalid_answers_is_named_once_a_second) {
  serve([](sim::SiteMaker& maker, int app) { maker.proxied("/", app).retry.on = {}; });
  for (int i = 0; i < 20; ++i) {
    another(kGet);
    sim::Wire& from = peer();
    tell(from, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
  }
  const std::string text = written();
  EXPECT_EQ(count(text, "peer 10.0.0.1:13000: invalid response"), 1U) << text;
  EXPECT_EQ(count(text, "peer 10.0.0.2:13000: invalid response"), 1U) << text;
}

TEST_F(ErrorLog, cut_answers_of_a_peer_share_a_line_a_second) {
  serve_app();
  for (int i = 0; i < 4; ++i) {
    another(kGet);
    sim::Wire& from = peer();
    tell(from, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
    end(from);
  }
  EXPECT_EQ(count(written(), ": response cut ("), 2U) << "one of each peer\n" << written();
}

TEST_F(ErrorLog, connects_without_local_resources_share_a_line_a_second) {
  serve_app();
  get("/", 20);
  while (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kLocalError);
  const std::string text = written();
  EXPECT_EQ(count(text, "connect() failed on local resources"), 1U) << text;
}

}  // namespace
}  // namespace weir::proxy
