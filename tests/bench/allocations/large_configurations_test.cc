// A gate: configurations that are twice as large cost twice as much, counted in what they ask the heap for. Where one
// part looks at all others, or copies what stands beside it, that grows with the square. tools/config-scale counts
// instructions too, and tells how long it takes.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "config/difference.h"
#include "config/loader.h"
#include "observe/access_log.h"
#include "runtime/registry.h"
#include "runtime/site_builder.h"
#include "unit/count_allocations.h"

namespace weir {
namespace {

constexpr int kMany = 256;
constexpr double kMost = 2.2;  // to 2; tables that grow by doubling may be a step ahead

using Line = std::string (*)(int i);

std::string repeat(int n, Line line) {
  std::string out;
  for (int i = 0; i < n; ++i) out += line(i) + "\n";
  return out;
}
std::string server(const std::string& inside) {
  return "server { listen 127.0.0.1:80; " + inside + "}";
}
std::string location(int i, const std::string& inside) {
  return "location /p" + std::to_string(i) + "/ { " + inside + " }";
}
std::string named(const std::string& before, int i, const std::string& behind) {
  return before + std::to_string(i) + behind;
}

struct Shape {
  const char* name;
  std::string (*text)(int n);
};
void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.name;
}

constexpr const char* kPass = "proxy_pass http://127.0.0.1:8080;";

constexpr Shape kShapes[] = {
    {"servers",
     [](int n) {
       return repeat(n, [](int i) { return server(named("server_name h", i, ".test; ") + location(i, kPass)); });
     }},
    {"servers_with_locations",
     [](int n) {
       return repeat(n / 8, [](int i) {
         return server(named("server_name h", i, ".test; ") + repeat(8, [](int j) { return location(j, kPass); }));
       });
     }},
    {"locations", [](int n) { return server(repeat(n, [](int i) { return location(i, kPass); })); }},
    {"locations_by_regex",
     [](int n) { return server(repeat(n, [](int i) { return named("location ~ ^/p", i, "/ { return 200; }"); })); }},
    {"nested_locations",
     [](int n) { return server("location / {" + repeat(n, [](int i) { return location(i, kPass); }) + "}"); }},
    {"upstreams",
     [](int n) {
       return repeat(n, [](int i) { return named("upstream u", i, " { server 127.0.0.1:9000; }"); }) +
              server(repeat(n, [](int i) { return location(i, named("proxy_pass http://u", i, ";")); }));
     }},
    {"addresses",
     [](int n) {
       return server(repeat(n, [](int i) { return location(i, named("proxy_pass http://127.0.0.1:1", i, ";")); }));
     }},
    {"peers",
     [](int n) {
       return "upstream u {" + repeat(n, [](int i) { return named("server 127.0.0.1:1", i, ";"); }) + "}" +
              server("location / { proxy_pass http://u; }");
     }},
    {"map",
     [](int n) {
       return "map $host $tenant { default none;" + repeat(n, [](int i) { return named("h", i, ".test some;"); }) +
              "}" + server("");
     }},
    {"map_of_regexes",
     [](int n) {
       return "map $uri $to {" + repeat(n, [](int i) { return named("~^/old", i, "/(?<rest>.*)$ /$rest;"); }) + "}" +
              server("return 301 $to;");
     }},
    {"geo",
     [](int n) {
       return "geo $zone { default none;" +
              repeat(n, [](int i) { return named("10." + std::to_string(i / 256) + ".", i % 256, ".0/24 some;"); }) +
              "}" + server("");
     }},
    {"rewrites",
     [](int n) {
       return server(repeat(n, [](int i) { return named("rewrite ^/old", i, "/(.*)$ /new/$1 last;"); }) +
                     repeat(n, [](int i) { return location(i, kPass); }));
     }},
    {"ifs",
     [](int n) {
       return server(repeat(n, [](int i) { return named("if ($uri = /old", i, ") { return 301 /new; }"); }));
     }},
    {"denied_addresses",
     [](int n) {
       return repeat(n, [](int i) { return named("deny 10.0." + std::to_string(i / 256) + ".", i % 256, ";"); }) +
              server(location(1, kPass));
     }},
};

std::string within_http(const std::string& text) {
  return "worker_processes 1;\nhttp {\n" + text + "\n}\n";
}

struct Cost {
  uint64_t count, bytes;
};

Cost cost_of(const std::function<void()>& work) {
  const uint64_t bytes = allocated_bytes_of_thread;
  const uint64_t count = count_allocations(work);
  return {count, allocated_bytes_of_thread - bytes};
}

void expect_linear(const Cost& once, const Cost& twice) {
  EXPECT_LE(static_cast<double>(twice.count), kMost * static_cast<double>(once.count));
  EXPECT_LE(static_cast<double>(twice.bytes), kMost * static_cast<double>(once.bytes));
}

class LargeConfigurations : public ::testing::TestWithParam<Shape> {};

// As a start does it, and each reload.
Cost cost_of_load(const std::string& text) {
  observe::AccessLogWriter writer;
  runtime::Registry registry;
  return cost_of([&] {
    const config::LoadedConfig loaded = config::load_text(within_http(text));
    EXPECT_TRUE(loaded.ok()) << loaded.diagnostics.to_text();
    const runtime::BuiltSite built =
        runtime::build_site({.model = loaded.model,
                             .registry = registry,
                             .log_writer = &writer,
                             .resolve = [](const runtime::NameQuestion&) { return std::vector<io::ResolvedPeer>(); }});
    EXPECT_NE(built.site, nullptr);
  });
}

TEST_P(LargeConfigurations, cost_twice_as_much_when_twice_as_large) {
  (void)cost_of_load(GetParam().text(kMany));  // tables of directives are made once
  expect_linear(cost_of_load(GetParam().text(kMany)), cost_of_load(GetParam().text(2 * kMany)));
}

// Everything that can be another is.
std::string changed(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kChanges[] = {
      {"/old", "/older"}, {"/p", "/q"}, {"deny 10.", "deny 11."}, {" 127.0.0.1:1", " 127.0.0.1:2"}, {"h1", "g1"}};
  for (const auto& [from, to] : kChanges)
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  return "proxy_read_timeout 5s;\n" + text;
}

// What a reload tells of its changes.
TEST_P(LargeConfigurations, changes_cost_twice_as_much_when_twice_as_large) {
  const auto cost_of_changes = [](int n) {
    const std::string text = GetParam().text(n);
    const config::LoadedConfig before = config::load_text(within_http(text));
    const config::LoadedConfig after = config::load_text(within_http(changed(text)));
    EXPECT_TRUE(before.ok() && after.ok()) << after.diagnostics.to_text();
    return cost_of([&] { EXPECT_FALSE(config::differences(before.model, after.model).empty()); });
  };
  expect_linear(cost_of_changes(kMany), cost_of_changes(2 * kMany));
}

// Every rule stands elsewhere.
TEST(LargeOrders, changes_cost_twice_as_much_when_twice_as_large) {
  const auto cost_of_changes = [](int n) {
    std::string before, after;
    for (int i = 0; i < n; ++i) before += named("deny 10.0." + std::to_string(i / 256) + ".", i % 256, ";");
    for (int i = n; i-- > 0;) after += named("deny 10.0." + std::to_string(i / 256) + ".", i % 256, ";");
    const config::LoadedConfig one = config::load_text(within_http(server(before)));
    const config::LoadedConfig other = config::load_text(within_http(server(after)));
    EXPECT_TRUE(one.ok() && other.ok());
    return cost_of([&] { EXPECT_EQ(config::differences(one.model, other.model).size(), 1u); });
  };
  expect_linear(cost_of_changes(kMany), cost_of_changes(2 * kMany));
}

INSTANTIATE_TEST_SUITE_P(All, LargeConfigurations, ::testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace weir
