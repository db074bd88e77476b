// What finding a host, finding a location and rendering a log line cost.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "observe/access_log.h"
#include "route/host_table.h"
#include "route/location_table.h"

namespace weir::route {
namespace {

// A thousand of the texts in an order that no cache foresees, with one space of their own: what is measured is the
// table, not the strings that are looked for.
std::vector<std::string_view> some_of(int64_t count, std::string_view before, std::string_view after,
                                      std::string& space) {
  std::vector<size_t> begins;
  for (int64_t i = 0; i < 1000; ++i) {
    begins.push_back(space.size());
    space.append(before).append(std::to_string(i * 7919 % count)).append(after);
  }
  begins.push_back(space.size());
  std::vector<std::string_view> out;
  for (size_t i = 0; i < 1000; ++i) out.push_back(std::string_view(space).substr(begins[i], begins[i + 1] - begins[i]));
  return out;
}

void BM_HostFind(benchmark::State& state, const char* kind) {
  const bool leading = std::string_view(kind) == "leading";
  HostTable table;
  for (int i = 0; i < state.range(0); ++i) {
    const std::string n = std::to_string(i);
    (void)table.add(leading ? "*.zone" + n + ".example.org" : "zone" + n + ".example.org", i);
  }
  std::string space;
  const auto hosts = some_of(state.range(0), leading ? "www.zone" : "zone", ".example.org", space);
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.find(hosts[i]));
    i = i + 1 == hosts.size() ? 0 : i + 1;
  }
}
BENCHMARK_CAPTURE(BM_HostFind, exact, "exact")->Arg(1)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(BM_HostFind, leading, "leading")->Arg(1)->Arg(100)->Arg(10'000);

void BM_LocationFind(benchmark::State& state, LocationKind kind) {
  LocationTable table;
  (void)table.add(LocationKind::kPrefix, "/", -2);
  const bool exact = kind == LocationKind::kExact;
  for (int i = 0; i < state.range(0); ++i) {
    const std::string path = "/service/" + std::to_string(i) + "/";
    (void)table.add(kind, exact ? path + "api/users:list" : path, i);
  }
  table.freeze();
  std::string space;
  const auto paths = some_of(state.range(0), "/service/", "/api/users:list", space);
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.find(paths[i]));
    i = i + 1 == paths.size() ? 0 : i + 1;
  }
}
BENCHMARK_CAPTURE(BM_LocationFind, prefix, LocationKind::kPrefix)->Arg(1)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(BM_LocationFind, exact, LocationKind::kExact)->Arg(1)->Arg(100)->Arg(10'000);

void BM_NormalisePath(benchmark::State& state, const char* path) {
  Arena arena;
  for (auto _ : state) {
    arena.reset();
    benchmark::DoNotOptimize(normalise_path(path, arena));
  }
}
BENCHMARK_CAPTURE(BM_NormalisePath, clean, "/static/plugins/@nocobase/plugin-acl/dist/client/index.js");
BENCHMARK_CAPTURE(BM_NormalisePath, dirty, "/static//plugins/%40nocobase/./plugin-acl/x/../dist/client/index.js");

class Exchange final : public VariableSource {
 public:
  VariableValue variable(const VariableRef& ref, Arena&) const override {
    switch (ref.id) {
      case Var::kRemoteAddr: return {"203.0.113.9", true};
      case Var::kTimeLocal: return {"23/Nov/2026:04:30:00 +0000", true};
      case Var::kRequest: return {"GET /api/app:getLang?locale=en-US HTTP/1.1", true};
      case Var::kStatus: return {"200", true};
      case Var::kBodyBytesSent: return {"568123", true};
      case Var::kHttp: return {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)", true};
      default: return {};
    }
  }
};

void BM_LogLine(benchmark::State& state) {
  const auto format = observe::LogFormat::combined({});
  const Exchange exchange;
  Arena arena;
  std::string out;
  out.reserve(4096);
  for (auto _ : state) {
    out.clear();
    arena.reset();
    format.render(exchange, arena, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * out.size()));
}
BENCHMARK(BM_LogLine);

}  // namespace
}  // namespace weir::route
