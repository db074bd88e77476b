// tests/golden/verdicts: one small configuration a line, and whether it loads (tests/integration/weirtest/verdicts.py
// tells the form; tools/compare-nginx --verdicts asks nginx the same).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/loader.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

const std::string kVerdicts = std::string(WEIR_SOURCE_DIR) + "/tests/golden/verdicts";

std::vector<std::string> verdict_files() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kVerdicts)) out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

class ConfigVerdicts : public testing::TestWithParam<std::string> {};

TEST_P(ConfigVerdicts, line_loads_or_not_as_recorded) {
  std::ifstream in(kVerdicts + "/" + GetParam());
  std::string line;
  int number = 0;
  while (std::getline(in, line)) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const size_t gap = line.find("   ");
    ASSERT_NE(gap, std::string::npos) << GetParam() << ":" << number;
    const std::string verdict = line.substr(0, gap);
    std::string config = line.substr(line.find_first_not_of(' ', gap));
    constexpr std::string_view kMainPrefix = "main: ";
    if (config.starts_with(kMainPrefix)) {
      config = config.substr(kMainPrefix.size()) + "\n";
    } else {
      config = "http {\n" + config + "\n}\n";
    }
    if (config.find("events {") == std::string::npos) config = "events { }\n" + config;
    const size_t own = verdict.find("weir ");
    const bool loads = verdict.substr(own == std::string::npos ? 0 : own + 5).starts_with("ok");
    const LoadedConfig loaded = load_text(config);
    EXPECT_EQ(loaded.ok(), loads) << GetParam() << ":" << number << ": " << line << "\n"
                                  << loaded.diagnostics.to_text();
  }
  EXPECT_GT(number, 50) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigVerdicts, testing::ValuesIn(verdict_files()),
                         [](const auto& test) { return test.param.substr(0, test.param.find('.')); });

}  // namespace
}  // namespace weir::config
