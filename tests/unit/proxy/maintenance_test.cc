// A location under maintenance, on the wire.
#include "filter/maintenance.h"

#include "unit/proxy/rig.h"

namespace weir::proxy {
namespace {

class UnderMaintenance : public Rig {
 protected:
  void serve_closed(const filter::MaintenanceOptions& options,
                    const std::function<void(sim::SiteMaker&, Location&)>& tune = {}) {
    serve([&](sim::SiteMaker& maker, int app) {
      Location& location = maker.proxied("/", app);
      location.filters = {filter::make_maintenance(options)};
      if (tune) tune(maker, location);
    });
    connect();
  }
  static filter::MaintenanceOptions page() {
    filter::MaintenanceOptions options;
    options.page = "<p>back soon</p>";
    options.retry_after = 120;
    return options;
  }
};

TEST_F(UnderMaintenance, answers_503_with_page_and_retry_after) {
  serve_closed(page());
  for (int i = 0; i < 2; ++i) {
    ask(kGet);
    const std::string got = answered();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 503 ")) << got;
    EXPECT_TRUE(has(got, "Content-Type: text/html\r\n"));
    EXPECT_TRUE(has(got, "Retry-After: 120\r\n"));
    EXPECT_TRUE(got.ends_with("\r\n\r\n<p>back soon</p>"));
  }
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(UnderMaintenance, answers_head_without_the_page) {
  serve_closed(page());
  ask("HEAD /a HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const std::string got = answered();
  EXPECT_TRUE(has(got, "Content-Length: 16\r\n"));
  EXPECT_TRUE(got.ends_with("\r\n\r\n"));
}

TEST_F(UnderMaintenance, has_a_default_page) {
  serve_closed({});
  ask(kGet);
  const std::string got = answered();
  EXPECT_TRUE(has(got, "Retry-After: 60\r\n"));
  EXPECT_TRUE(has(got, "503"));
}

TEST_F(UnderMaintenance, sends_no_100_continue) {
  serve_closed(page());
  ask("POST /a HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(answered().starts_with("HTTP/1.1 503 "));
}

TEST_F(UnderMaintenance, adds_fields_marked_always) {
  serve_closed(page(), [](sim::SiteMaker&, Location& location) {
    location.add_headers = {{"X-Always", http::HeaderToken::kOther, route::Template::literal("1"), true},
                            {"X-Good", http::HeaderToken::kOther, route::Template::literal("1"), false}};
  });
  ask(kGet);
  const std::string got = answered();
  EXPECT_TRUE(has(got, "X-Always: 1\r\n"));
  EXPECT_FALSE(has(got, "X-Good"));
}

TEST_F(UnderMaintenance, serves_its_error_page_despite_maintenance) {
  serve_closed({}, [](sim::SiteMaker& maker, Location& location) {
    ErrorPage error_page;
    error_page.statuses = {503};
    error_page.target = route::Template::literal("/sorry");
    location.error_pages = {error_page};
    maker.returning("/sorry", 200, "sorry").filters = location.filters;
  });
  ask(kGet);
  const std::string got = answered();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 503 ")) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nsorry"));
}

// A page that has nothing to do with maintenance may lead into a location that is under it.
TEST_F(UnderMaintenance, holds_for_error_pages_of_others) {
  serve([](sim::SiteMaker& maker, int app) {
    const auto page_of = [](int status, const char* target) {
      return ErrorPage{.statuses = {status}, .overwrite = 0, .target = route::Template::literal(target)};
    };
    Location& closed = maker.proxied("@app", app, route::LocationKind::kNamed);
    closed.filters = {filter::make_maintenance(page())};
    maker.returning("/stat", 404).error_pages = {page_of(404, "@app")};
    Location& own = maker.proxied("/", app);
    own.filters = {filter::make_maintenance({})};
    own.error_pages = {page_of(503, "/sorry")};
    maker.returning("/sorry", 200, "sorry").filters = own.filters;
  });
  connect();
  for (int i = 0; i < 2; ++i) {
    ask("GET /stat HTTP/1.1\r\nHost: app.test\r\n\r\n");
    const std::string refused = answered();
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
    EXPECT_TRUE(refused.ends_with("<p>back soon</p>")) << refused;
    ask(kGet);  // the next request of that connection is judged by itself
    const std::string shown = answered();
    EXPECT_TRUE(shown.ends_with("\r\n\r\nsorry")) << shown;
  }
  EXPECT_TRUE(world_.connecting.empty());
}

TEST_F(UnderMaintenance, serves_allowed_addresses) {
  filter::MaintenanceOptions options = page();
  options.allow = {*Cidr::parse("198.51.100.0/24")};
  serve_closed(options);
  connect("198.51.100.7");
  ask(kGet);
  tell(peer(), kOk);
  EXPECT_TRUE(has(answered(), "200 OK"));
}

}  // namespace
}  // namespace weir::proxy
