// Reads configuration text in tests.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/loader.h"
#include "config/nginx_reader.h"
#include "config/writer.h"
#include "config/yaml_reader.h"

namespace weir::config {

struct ReadText {
  std::vector<Directive> directives;
  Diagnostics diagnostics;
  std::string errors() const { return diagnostics.to_text(); }
  std::string nginx() const { return write_nginx(directives); }
};

inline std::shared_ptr<const SourceFile> source(std::string name, std::string text) {
  auto file = std::make_shared<SourceFile>();
  file->syntax = syntax_of(name);
  file->name = std::move(name);
  file->text = std::move(text);
  return file;
}

inline ReadText nginx_text(std::string text) {
  ReadText out;
  out.directives = read_nginx(source("t.conf", std::move(text)), out.diagnostics);
  return out;
}

inline ReadText yaml_text(std::string text) {
  ReadText out;
  out.directives = read_yaml(source("t.yaml", std::move(text)), out.diagnostics);
  return out;
}

// A whole configuration that is expected to be right.
inline LoadedConfig load(const std::string& text, const std::string& warnings = "") {
  LoadedConfig loaded = load_text(text);
  EXPECT_EQ(loaded.diagnostics.to_text(), warnings) << text;
  return loaded;
}
// What is said of one that is not.
inline std::string messages(const std::string& text) {
  return load_text(text).diagnostics.to_text();
}

}  // namespace weir::config
