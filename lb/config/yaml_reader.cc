// The only place for yaml-cpp, and the only place that its exceptions are seen. yaml-cpp takes duplicate keys silently
// and its marks are 0-based, so pairs are walked here and marks get one added.
#include "config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <sstream>

#include "config/shapes.h"
#include "config/words.h"

namespace weir::config {
namespace {

constexpr int kDeepest = 64;
// Aliases make a small file into a large tree ("billion laughs"). Without them a node takes at least a byte of the
// text.
constexpr size_t kFreeNodes = 10'000;

bool is_plain(const YAML::Node& node) {
  return node.Tag() == "?" || node.Tag().empty();
}

bool is_literal(const YAML::Node& node, std::string_view lower, std::string_view title, std::string_view upper) {
  if (!node.IsScalar() || !is_plain(node)) return false;
  const std::string& text = node.Scalar();
  return text == lower || text == title || text == upper;
}
bool is_true(const YAML::Node& node) {
  return is_literal(node, "true", "True", "TRUE");
}
bool is_false(const YAML::Node& node) {
  return is_literal(node, "false", "False", "FALSE");
}

class YamlReader {
 public:
  YamlReader(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics)
      : file_(file), diagnostics_(diagnostics), most_nodes_(kFreeNodes + 4 * file->text.size()) {}

  // A block's body: a map, an ordered list of one-key maps, or nothing. `data` names the data block it belongs to, or
  // is empty.
  void body(const YAML::Node& node, std::string_view data, std::vector<Directive>& into, int depth);
  Position at(const YAML::Mark& mark) const {
    return mark.is_null() ? Position{file_, 0, 0} : Position{file_, mark.line + 1, mark.column + 1};
  }

 private:
  void map_body(const YAML::Node& node, std::string_view data, std::set<std::string>& seen,
                std::vector<Directive>& into, int depth);
  // One key with its value: nothing, one or many directives.
  void entry(const std::string& name, const Position& where, const YAML::Node& value, std::string_view data,
             std::vector<Directive>& into, int depth);
  void item(const std::string& name, const Position& where, const YAML::Node& value, std::string_view data,
            std::vector<Directive>& into, int depth);
  void named_blocks(const std::string& name, const Position& where, const YAML::Node& value,
                    std::vector<Directive>& into, int depth);
  bool key_text(const YAML::Node& key, std::string& out);
  bool words(const YAML::Node& scalar, std::vector<Argument>& args);
  // 0-based column of the scalar's text in its source line, or -1 when the source is written otherwise (escapes,
  // several lines).
  int column_of_text(const YAML::Node& scalar) const;
  bool spend(const Position& where);
  void error(const Position& where, std::string text) { diagnostics_.error(where, std::move(text)); }

  std::shared_ptr<const SourceFile> file_;
  Diagnostics& diagnostics_;
  size_t most_nodes_;
  size_t nodes_ = 0;
  mutable std::vector<size_t> line_starts_;
};

bool YamlReader::spend(const Position& where) {
  if (++nodes_ == most_nodes_) error(where, "aliases make the file grow beyond measure");
  return nodes_ < most_nodes_;
}

int YamlReader::column_of_text(const YAML::Node& scalar) const {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (size_t i = 0; i < file_->text.size(); ++i)
      if (file_->text[i] == '\n') line_starts_.push_back(i + 1);
  }
  const YAML::Mark mark = scalar.Mark();
  if (mark.is_null() || mark.line < 0 || static_cast<size_t>(mark.line) >= line_starts_.size()) return -1;
  const size_t start = line_starts_[static_cast<size_t>(mark.line)] + static_cast<size_t>(mark.column);
  if (start > file_->text.size()) return -1;
  const std::string_view source = std::string_view(file_->text).substr(start);
  if (source.starts_with(scalar.Scalar())) return mark.column;
  if (!source.empty() && (source[0] == '"' || source[0] == '\'') && source.substr(1).starts_with(scalar.Scalar()))
    return mark.column + 1;
  return -1;
}

bool YamlReader::words(const YAML::Node& scalar, std::vector<Argument>& args) {
  const Position where = at(scalar.Mark());
  const std::string& text = scalar.Scalar();
  if (text.find('\0') != std::string::npos) {
    error(where, "the value contains a NUL byte");
    return false;
  }
  if (text.empty()) {
    args.push_back({"", true, where});
    return true;
  }
  auto split = split_words(text);
  if (!split) {
    error(where, std::move(split.error()));
    return false;
  }
  const int column = column_of_text(scalar);
  for (Word& word : *split) {
    Position position = where;
    if (column >= 0) position.column = column + 1 + static_cast<int>(word.offset);
    args.push_back({std::move(word.text), word.quoted, position});
  }
  return true;
}

bool YamlReader::key_text(const YAML::Node& key, std::string& out) {
  if (!key.IsScalar()) {
    error(at(key.Mark()), "a key must be text");
    return false;
  }
  out = key.Scalar();
  if (out == "<<" && is_plain(key)) {
    error(at(key.Mark()), "YAML merge keys (<<) are not supported, use include");
    return false;
  }
  if (out.find('\0') != std::string::npos) {
    error(at(key.Mark()), "the key contains a NUL byte");
    return false;
  }
  return true;
}

void YamlReader::body(const YAML::Node& node, std::string_view data, std::vector<Directive>& into, int depth) {
  const Position where = at(node.Mark());
  if (node.IsNull()) return;
  if (depth > kDeepest) return error(where, "blocks are nested more than " + std::to_string(kDeepest) + " deep");
  if (node.IsMap()) {
    std::set<std::string> seen;
    return map_body(node, data, seen, into, depth);
  }
  if (!node.IsSequence()) return error(where, "a block is a map of directives, or a list of maps of one key each");
  for (const YAML::Node& step : node) {
    if (!spend(where)) return;
    if (!step.IsMap() || step.size() != 1) {
      error(at(step.Mark()), "in an ordered block each item is a map of one key");
      continue;
    }
    std::set<std::string> seen;
    map_body(step, data, seen, into, depth);
  }
}

void YamlReader::map_body(const YAML::Node& node, std::string_view data, std::set<std::string>& seen,
                          std::vector<Directive>& into, int depth) {
  for (const auto& pair : node) {
    const Position where = at(pair.first.Mark());
    if (!spend(where)) return;
    std::string name;
    if (!key_text(pair.first, name)) continue;
    if (!seen.insert(name).second) {
      error(where, "duplicate key \"" + name + "\", write a list to repeat a directive");
      continue;
    }
    entry(name, where, pair.second, data, into, depth);
  }
}

void YamlReader::entry(const std::string& name, const Position& where, const YAML::Node& value, std::string_view data,
                       std::vector<Directive>& into, int depth) {
  if (!value.IsSequence()) return item(name, where, value, data, into, depth);
  for (const YAML::Node& each : value) {
    if (!spend(where)) return;
    item(name, each.Mark().is_null() ? where : at(each.Mark()), each, data, into, depth);
  }
}

void YamlReader::item(const std::string& name, const Position& where, const YAML::Node& value, std::string_view data,
                      std::vector<Directive>& into, int depth) {
  Directive directive{name, {}, std::nullopt, where};
  if (value.IsScalar()) {
    if (is_flag(data, name) && (is_true(value) || is_false(value))) {
      if (is_false(value)) return;
    } else if (data.empty() && (is_true(value) || is_false(value))) {
      directive.args.push_back({is_true(value) ? "on" : "off", false, at(value.Mark())});
    } else if (!words(value, directive.args)) {
      return;
    }
    into.push_back(std::move(directive));
    return;
  }
  if (!data.empty()) return error(where, "\"" + name + "\" must be text here");
  if (is_named_block(name)) return named_blocks(name, where, value, into, depth);
  if (value.IsNull() && !is_plain_block(name)) {
    const std::string hint = is_flag(data, name) ? ", write \"" + name + ": true\"" : std::string();
    return error(where, "\"" + name + "\" has no value" + hint);
  }
  directive.block.emplace();
  body(value, is_data_block(name) ? std::string_view(name) : std::string_view(), *directive.block, depth + 1);
  into.push_back(std::move(directive));
}

void YamlReader::named_blocks(const std::string& name, const Position& where, const YAML::Node& value,
                              std::vector<Directive>& into, int depth) {
  if (!value.IsMap()) return error(where, "\"" + name + "\" takes a map of named blocks: " + name + ": {NAME: {...}}");
  std::set<std::string> seen;
  for (const auto& pair : value) {
    const Position key_at = at(pair.first.Mark());
    if (!spend(key_at)) return;
    std::string key;
    if (!key_text(pair.first, key)) continue;
    if (!seen.insert(key).second) {
      std::string text = "duplicate key \"";
      text.append(key).append("\" in \"").append(name).append("\"");
      error(key_at, text);
      continue;
    }
    Directive directive{name, {}, std::nullopt, key_at};
    if (!words(pair.first, directive.args)) continue;
    directive.block.emplace();
    body(pair.second, is_data_block(name) ? std::string_view(name) : std::string_view(), *directive.block, depth + 1);
    into.push_back(std::move(directive));
  }
}

// Where a second document begins, or what yaml-cpp takes for one: a stray "}" after the first. YAML::LoadAll would go
// round for ever at that one (yaml-cpp 0.7).
class DocumentMark : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  YAML::Mark start;
};

std::optional<YAML::Mark> what_follows(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentMark document;
  if (!parser.HandleNextDocument(document) || !parser.HandleNextDocument(document)) return std::nullopt;
  return document.start;
}

// yaml-cpp's words for what the operator sees.
std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] | 0x20);
  return text;
}

}  // namespace

std::vector<Directive> read_yaml(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics) {
  std::vector<Directive> directives;
  if (const size_t nul = file->text.find('\0'); nul != std::string::npos) {
    diagnostics.error({file, 0, 0}, "the file contains a NUL byte");
    return directives;
  }
  YamlReader reader(file, diagnostics);
  try {
    if (const auto more = what_follows(file->text)) {
      diagnostics.error(reader.at(*more), "one YAML document a file");
      return directives;
    }
    reader.body(YAML::Load(file->text), {}, directives, 0);
  } catch (const YAML::Exception& failure) {
    diagnostics.error(reader.at(failure.mark), "YAML: " + lower_first(failure.msg));
  } catch (const std::exception& failure) {
    diagnostics.error({file, 0, 0}, std::string("YAML: ") + failure.what());
  }
  return directives;
}

}  // namespace weir::config
