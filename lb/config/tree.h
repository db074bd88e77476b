// The directive tree: what both readers produce and everything else in config/ looks at. Every node knows where it was
// written.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

enum class Syntax : uint8_t { kNginx, kYaml };

// .yaml and .yml are YAML, everything else is nginx's syntax.
Syntax syntax_of(std::string_view path);

struct SourceFile {
  std::string name;  // as the operator would find it: the path that was opened
  std::string text;
  Syntax syntax = Syntax::kNginx;
  int order = 0;  // of reading, 0 for the main file
};

struct Position {
  std::shared_ptr<const SourceFile> file;  // null: not from a file (a command line, a default)
  int line = 0;                            // 1-based
  int column = 0;                          // 1-based, in bytes
  std::string to_string() const;           // "conf/weir.conf:12:5"
};

struct Argument {
  std::string text;     // quotes and escapes are gone
  bool quoted = false;  // it was written in quotes
  Position at;
};

struct Directive {
  std::string name;
  std::vector<Argument> args;
  std::optional<std::vector<Directive>> block;
  Position at;

  const std::string& arg(size_t i) const { return args[i].text; }
};

// What a preset stands for, added to a block of the tree.
struct Expansion {
  Position at;        // of the preset
  std::string where;  // "upstream myapp"
  std::vector<Directive> added;
};

// The main file with its includes and presets expanded in place.
struct Tree {
  std::vector<std::shared_ptr<const SourceFile>> files;  // in the order of reading, each once
  std::vector<Directive> directives;
  std::vector<Expansion> expansions;
};

// Names, arguments and blocks, without positions and quotes: what a conversion must keep.
bool same_content(const std::vector<Directive>& a, const std::vector<Directive>& b);

}  // namespace weir::config
