// The metrics page: every line as the format wants it, each label set once, and the numbers right.
#include "admin/metrics_page.h"

#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "acme/service.h"
#include "base/regex.h"
#include "cache/zone.h"
#include "unit/admin/fixture.h"

namespace weir::admin {
namespace {

// A strict reader of version 0.0.4: families with HELP and TYPE first, samples together and distinct.
class Page {
 public:
  explicit Page(const std::string& text) {
    const Regex help = *Regex::compile(R"(^# HELP ([a-z_]+) (.+)$)", false);
    const Regex type = *Regex::compile(R"(^# TYPE ([a-z_]+) (counter|gauge|histogram)$)", false);
    const Regex sample =
        *Regex::compile(R"re(^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)+\})? (-?\d+(?:\.\d+)?)$)re", false);
    std::istringstream lines(text);
    std::string family, line;
    bool typed = false;
    EXPECT_TRUE(text.ends_with('\n'));
    while (std::getline(lines, line)) {
      RegexMatch match;
      if (help.match(line, &match)) {
        family = match.group[1];
        typed = false;
        EXPECT_TRUE(families_.emplace(family, "").second) << "twice: " << line;
      } else if (type.match(line, &match)) {
        EXPECT_EQ(match.group[1], family) << line;
        families_[family] = match.group[2];
        typed = true;
      } else if (sample.match(line, &match)) {
        const bool in_parts = families_[family] == "histogram";
        EXPECT_EQ(in_parts ? match.group[1].substr(0, family.size()) : match.group[1], family) << line;
        EXPECT_TRUE(typed) << line;
        const std::string name = std::string(match.group[1]) + std::string(match.group[2]);
        EXPECT_TRUE(samples_.emplace(name, std::stod(std::string(match.group[3]))).second) << "twice: " << line;
      } else {
        ADD_FAILURE() << "no line of the format: " << line;
      }
    }
  }
  double value(const std::string& sample) const {
    const auto found = samples_.find(sample);
    if (found == samples_.end()) ADD_FAILURE() << "no sample " << sample;
    return found == samples_.end() ? -1 : found->second;
  }
  const std::map<std::string, std::string>& families() const { return families_; }
  const std::map<std::string, double>& samples() const { return samples_; }

 private:
  std::map<std::string, std::string> families_;
  std::map<std::string, double> samples_;
};

class MetricsPageTest : public AdminFixture {
 protected:
  Page page() { return Page(metrics_page(*runtime_, 1'700'000'000'000'000)); }
};

constexpr const char* kUpstream = "upstream u { server 127.0.0.1:1; server 127.0.0.1:2 weight=4; server 127.0.0.1:1; }";

TEST_F(MetricsPageTest, is_well_formed) {
  start(kUpstream);
  const Page metrics = page();
  for (const auto& [family, type] : metrics.families()) {
    EXPECT_TRUE(family.starts_with("weir_") || family == "process_start_time_seconds") << family;
    EXPECT_EQ(type == "counter", family.ends_with("_total")) << family;
    EXPECT_TRUE(type != "histogram" || family.ends_with("_seconds")) << family;
  }
  EXPECT_EQ(metrics.value("process_start_time_seconds"), 1'700'000'000);
  EXPECT_EQ(metrics.value("weir_reload_last_ok"), 1);
  EXPECT_EQ(metrics.value("weir_requests_total"), 0);
  EXPECT_EQ(metrics.value("weir_retries_total{reason=\"connect_refused\"}"), 0);
}

TEST_F(MetricsPageTest, lists_each_peer_once) {
  start(kUpstream);
  policy::PeerState& state = state_of("u");
  state.inflight = 3;
  state.tunnels = 2;
  state.stats.requests = 10;
  state.stats.failures = 4;
  state.stats.responses[1] = 6;
  state.stats.header_time = 1500;
  state_of("u", 1).check_down = true;
  const Page metrics = page();
  const std::string first = "{upstream=\"u\",peer=\"127.0.0.1:1\"", second = "{upstream=\"u\",peer=\"127.0.0.1:2\"";
  EXPECT_EQ(metrics.value("weir_peer_up" + first + "}"), 1);
  EXPECT_EQ(metrics.value("weir_peer_inflight" + first + "}"), 3);
  EXPECT_EQ(metrics.value("weir_peer_tunnels" + first + "}"), 2);
  EXPECT_EQ(metrics.value("weir_peer_requests_total" + first + "}"), 10);
  EXPECT_EQ(metrics.value("weir_peer_failures_total" + first + "}"), 4);
  EXPECT_EQ(metrics.value("weir_peer_responses_total" + first + ",class=\"2xx\"}"), 6);
  EXPECT_EQ(metrics.value("weir_peer_header_time_seconds" + first + "}"), 0.0015);
  EXPECT_EQ(metrics.value("weir_peer_state" + first + ",state=\"up\"}"), 1);
  EXPECT_EQ(metrics.value("weir_peer_state" + first + ",state=\"down\"}"), 0);
  EXPECT_EQ(metrics.value("weir_peer_up" + second + "}"), 0);
  EXPECT_EQ(metrics.value("weir_peer_weight" + second + "}"), 4);
  EXPECT_EQ(metrics.value("weir_peer_state" + second + ",state=\"unhealthy\"}"), 1);
  state.inflight = state.tunnels = 0;
}

TEST_F(MetricsPageTest, sums_times_over_workers) {
  start(kUpstream);
  policy::PeerState& state = state_of("u");
  state.times.of(0).header.add(900);
  state.times.of(1).header.add(3'000);
  state.times.of(1).header.add(200'000'000);
  runtime_->site->clusters[0].times->of(1).response.add(700);
  const Page metrics = page();
  const std::string peer = "{upstream=\"u\",peer=\"127.0.0.1:1\"", buckets = "weir_peer_header_duration_seconds_bucket";
  EXPECT_EQ(metrics.value(buckets + peer + ",le=\"0.001024\"}"), 1);
  EXPECT_EQ(metrics.value(buckets + peer + ",le=\"0.004096\"}"), 2);
  EXPECT_EQ(metrics.value(buckets + peer + ",le=\"67.108864\"}"), 2);
  EXPECT_EQ(metrics.value(buckets + peer + ",le=\"+Inf\"}"), 3);
  EXPECT_EQ(metrics.value("weir_peer_header_duration_seconds_count" + peer + "}"), 3);
  EXPECT_NEAR(metrics.value("weir_peer_header_duration_seconds_sum" + peer + "}"), 200.0039, 1e-6);
  EXPECT_EQ(metrics.value("weir_upstream_response_duration_seconds_bucket{upstream=\"u\",le=\"0.001024\"}"), 1);
  EXPECT_EQ(metrics.value("weir_request_duration_seconds_count"), 0);
  EXPECT_EQ(metrics.value("weir_peer_histograms_omitted"), 0);
}

TEST_F(MetricsPageTest, peers_beyond_the_most_have_no_histogram) {
  std::string servers;
  for (int i = 1; i <= 300; ++i) servers += "server 127.0.0.1:" + std::to_string(i) + ";";
  start("upstream u { " + servers + " }");
  const Page metrics = page();
  EXPECT_EQ(metrics.value("weir_peer_histograms_omitted"), 300 - 256);
  size_t counted = 0;
  for (const auto& [sample, value] : metrics.samples())
    if (sample.starts_with("weir_peer_header_duration_seconds_count")) ++counted;
  EXPECT_EQ(counted, 256u);
}

TEST_F(MetricsPageTest, counts_reloads) {
  start(kUpstream);
  bool told = false;
  write("nonsense;");
  reload_->request([&told](const auto&) { told = true; });
  turn_until([&told] { return told; });
  const Page metrics = page();
  EXPECT_EQ(metrics.value("weir_reloads_total{result=\"failed\"}"), 1);
  EXPECT_EQ(metrics.value("weir_reload_last_ok"), 0);
  EXPECT_GT(metrics.value("weir_reload_last_time_seconds"), 1'700'000'000);
}

TEST_F(MetricsPageTest, certificates_of_one_first_name_are_distinct) {
  start(kUpstream);
  acme::AcmeOptions options;
  options.directory = "https://127.0.0.1:1/directory";
  options.state = dir_ / "acme";
  runtime_->automatic_certificates->want({options, {{{"a.test", "b.test"}}, {{"a.test"}}}, {}});
  turn_until([this] { return runtime_->automatic_certificates->status().size() == 2; });
  const Page metrics = page();
  for (const char* family : {"weir_acme_failures", "weir_acme_next_try_seconds"}) {
    size_t count = 0;
    for (const auto& [sample, value] : metrics.samples())
      if (sample.starts_with(std::string(family) + "{certificate=\"a.test\",file=")) ++count;
    EXPECT_EQ(count, 2U) << family;
  }
}

TEST_F(MetricsPageTest, caches_of_one_name_count_as_one) {
  start(kUpstream);
  cache::ZoneOptions zone;
  zone.name = "pages";
  zone.keys_bytes = size_t{1} << 20;
  zone.path = dir_ / "old";
  const auto drains = runtime_->registry.cache(zone);
  zone.path = dir_ / "new";
  const auto serves = runtime_->registry.cache(zone);
  ASSERT_NE(drains, serves);
  drains->count(cache::Outcome::kHit);
  serves->count(cache::Outcome::kHit);
  EXPECT_EQ(page().value("weir_cache_requests_total{zone=\"pages\",status=\"HIT\"}"), 2);
}

TEST_F(MetricsPageTest, lists_checks) {
  start("upstream u { server 127.0.0.1:1; health_check interval=1h; }");
  turn_until([this] { return !runtime_->health->report().empty(); });
  const Page metrics = page();
  EXPECT_EQ(metrics.value("weir_health_probes"), 1);
  size_t checks = 0;
  for (const auto& [sample, value] : metrics.samples())
    if (sample.starts_with("weir_health_check_up{upstream=\"u\",peer=\"127.0.0.1:1\",check=")) ++checks;
  EXPECT_EQ(checks, 1u);
}

}  // namespace
}  // namespace weir::admin
