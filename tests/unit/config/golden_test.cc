// tests/golden/config: each *.conf and *.yaml beside its *.expected, which holds the errors and warnings, then the
// effective settings if it loads. WEIR_GOLDEN_UPDATE=1 writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/dump.h"
#include "config/loader.h"
#include "config/tree_loader.h"
#include "config/writer.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

const std::string kDirectory = std::string(WEIR_SOURCE_DIR) + "/tests/golden/config";

std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// Relative to the directory, so that messages name no machine's paths.
std::map<std::string, std::string> golden_files() {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kDirectory))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), kDirectory).string()] = slurp(entry.path());
  return files;
}

std::vector<std::string> cases() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kDirectory)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".conf" || extension == ".yaml") out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class ConfigGolden : public testing::TestWithParam<std::string> {};

TEST_P(ConfigGolden, is_understood_as_expected) {
  MemoryFiles files(golden_files());
  const LoadedConfig loaded = load_config(GetParam(), files);
  std::string text = loaded.diagnostics.to_text();
  if (loaded.ok()) text += dump_effective(loaded.model, false);
  const std::string expected = kDirectory + "/" + GetParam() + ".expected";
  if (std::getenv("WEIR_GOLDEN_UPDATE") != nullptr) std::ofstream(expected) << text;
  EXPECT_EQ(text, slurp(expected));
}

TEST_P(ConfigGolden, means_the_same_in_the_other_syntax) {
  MemoryFiles files(golden_files());
  Diagnostics diagnostics;
  const Tree tree = load_tree(GetParam(), files, diagnostics);
  if (diagnostics.failed() || !load_config(GetParam(), files).ok()) return;  // an example of errors
  const auto yaml = write_yaml(tree.directives);
  ASSERT_TRUE(yaml.has_value());
  std::map<std::string, std::string> texts = golden_files();
  texts["other.yaml"] = *yaml;
  texts["other.conf"] = write_nginx(tree.directives);
  MemoryFiles others(std::move(texts));  // beside the files that the text names
  const LoadedConfig from_yaml = load_config("other.yaml", others);
  EXPECT_TRUE(from_yaml.ok()) << from_yaml.diagnostics.to_text() << *yaml;
  const LoadedConfig from_nginx = load_config("other.conf", others);
  EXPECT_TRUE(from_nginx.ok()) << from_nginx.diagnostics.to_text();
  EXPECT_EQ(dump_effective(from_yaml.model, true), dump_effective(load_config(GetParam(), files).model, true)) << *yaml;
  EXPECT_EQ(dump_effective(from_nginx.model, true), dump_effective(from_yaml.model, true));
}

TEST_P(ConfigGolden, is_the_same_when_its_dump_is_read) {
  MemoryFiles files(golden_files());
  const LoadedConfig loaded = load_config(GetParam(), files);
  if (!loaded.ok()) return;
  std::map<std::string, std::string> texts = golden_files();
  const std::string dump = dump_effective(loaded.model, true);
  texts["dump.conf"] = dump;
  MemoryFiles others(std::move(texts));
  const LoadedConfig again = load_config("dump.conf", others);
  // A map{} is no setting, and not in the dump.
  if (dump.find('$') != std::string::npos && again.diagnostics.to_text().ends_with("variable\n")) return;
  ASSERT_TRUE(again.ok()) << again.diagnostics.to_text();
  EXPECT_EQ(dump_effective(again.model, true), dump);
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigGolden, testing::ValuesIn(cases()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace weir::config
