// Block-style YAML that read_yaml reads back as the same tree.
#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "config/shapes.h"
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

constexpr size_t kLongestKey = 1000;  // YAML limits an implicit key to 1024 characters

bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const auto lead = static_cast<uint8_t>(s[i]);
    const size_t n = lead < 0x80                   ? 1
                     : lead >= 0xc2 && lead < 0xe0 ? 2
                     : lead >= 0xe0 && lead < 0xf0 ? 3
                     : lead >= 0xf0 && lead < 0xf5 ? 4
                                                   : 0;
    if (n == 0 || i + n > s.size()) return false;
    for (size_t k = 1; k < n; ++k)
      if ((static_cast<uint8_t>(s[i + k]) & 0xc0) != 0x80) return false;
    i += n;
  }
  return true;
}

bool is_control(char c) {
  return static_cast<uint8_t>(c) < 0x20 || c == 0x7f;
}

// Text that YAML reads as itself without quotes: a conservative choice, quotes never hurt.
bool is_plain_text(std::string_view s) {
  if (s.empty() || (!is_alpha(s[0]) && !is_digit(s[0]) && s[0] != '/' && s[0] != '$' && s[0] != '_')) return false;
  for (const std::string_view word : {"true", "false", "null"})
    if (iequals(s, word)) return false;
  if (s.back() == ':' || s.back() == ' ') return false;
  if (s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos) return false;
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string yaml_scalar(std::string_view s) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (is_plain_text(s)) return std::string(s);
  std::string out;
  if (std::none_of(s.begin(), s.end(), is_control)) {
    out = "'";
    for (const char c : s) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
  }
  out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += "\\x";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string joined_args(const Directive& directive) {
  if (directive.args.size() == 1 && directive.arg(0).empty()) return "";  // an empty scalar is one empty argument
  std::string out;
  for (const Argument& argument : directive.args) out += (out.empty() ? "" : " ") + quote_yaml_word(argument.text);
  return out;
}

// Directives of one name, in their order.
struct Group {
  std::string_view name;
  std::vector<const Directive*> members;
};

std::vector<Group> grouped(const std::vector<Directive>& body) {
  std::vector<Group> groups;
  for (const Directive& directive : body) {
    auto it = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == directive.name; });
    if (it == groups.end()) it = groups.insert(groups.end(), Group{directive.name, {}});
    it->members.push_back(&directive);
  }
  return groups;
}

// Directives whose order among each other decides although their names differ: 1 access rules, 2 the rewrite phase.
int order_class(std::string_view name) {
  if (name == "allow" || name == "deny") return 1;
  for (const std::string_view each : {"rewrite", "set", "if", "return", "break"})
    if (name == each) return 2;
  return 0;
}

// Whether a map, which keeps one place for each name, keeps every order that matters.
bool fits_map(const std::vector<Directive>& body, const std::vector<Group>& groups, bool data) {
  std::vector<const Directive*> after;
  for (const Group& group : groups) after.insert(after.end(), group.members.begin(), group.members.end());
  bool same = true;
  for (size_t i = 0; i < body.size(); ++i) same = same && after[i] == &body[i];
  if (same) return true;
  if (data) return false;
  for (const int wanted : {1, 2}) {
    std::vector<const Directive*> was, is;
    for (const Directive& d : body)
      if (order_class(d.name) == wanted) was.push_back(&d);
    for (const Directive* d : after)
      if (order_class(d->name) == wanted) is.push_back(d);
    if (was != is) return false;
  }
  // What an include brings may be anything, so it keeps its place.
  return std::none_of(body.begin(), body.end(), [](const Directive& d) { return d.name == "include"; });
}

class YamlWriter {
 public:
  // Writes the body's lines; the cursor is at the start of a line.
  void body(const std::vector<Directive>& body, std::string_view data, size_t indent);
  std::string out;
  std::string error;

 private:
  // "key:" is written; appends the value and the line's end.
  void value(const std::vector<const Directive*>& members, std::string_view data, size_t indent);
  void single(const Directive& directive, std::string_view data, size_t indent, bool in_list);
  void block_value(const Directive& directive, size_t indent, bool may_be_list);
  bool as_named_map(const std::vector<const Directive*>& members, size_t indent);
  void key(std::string_view text, const Directive& directive);
  void line_start(size_t indent) { out.append(indent, ' '); }
  void refuse(const Directive& directive, std::string_view why) {
    if (error.empty()) error = directive.at.to_string() + ": \"" + head_text(directive) + "\" " + std::string(why);
  }
};

void YamlWriter::key(std::string_view text, const Directive& directive) {
  if (text.size() > kLongestKey) refuse(directive, "is too long for a YAML key");
  if (!is_utf8(text)) refuse(directive, "is not UTF-8, which YAML must be");
  out += yaml_scalar(text);
  out += ':';
}

void YamlWriter::body(const std::vector<Directive>& body, std::string_view data, size_t indent) {
  const std::vector<Group> groups = grouped(body);
  if (fits_map(body, groups, !data.empty())) {
    for (const Group& group : groups) {
      line_start(indent);
      key(group.name, *group.members[0]);
      value(group.members, data, indent);
    }
    return;
  }
  for (const Directive& directive : body) {
    line_start(indent);
    out += "- ";
    key(directive.name, directive);
    value({&directive}, data, indent + 2);
  }
}

void YamlWriter::value(const std::vector<const Directive*>& members, std::string_view data, size_t indent) {
  if (data.empty() && is_named_block(members[0]->name) && as_named_map(members, indent)) return;
  if (members.size() == 1) return single(*members[0], data, indent, false);
  out += '\n';
  for (const Directive* member : members) {
    line_start(indent + 2);
    out += '-';
    const size_t dash = out.size();
    single(*member, data, indent + 2, true);
    // A block's first line goes up beside the dash.
    if (dash < out.size() && out[dash] == '\n') out.erase(dash, indent + 4);
  }
}

bool YamlWriter::as_named_map(const std::vector<const Directive*>& members, size_t indent) {
  std::set<std::string> keys;
  for (const Directive* member : members)
    if (!member->block || member->args.empty() || !keys.insert(joined_args(*member)).second) return false;
  out += '\n';
  for (const Directive* member : members) {
    line_start(indent + 2);
    key(joined_args(*member), *member);
    block_value(*member, indent + 2, true);
  }
  return true;
}

void YamlWriter::single(const Directive& directive, std::string_view data, size_t indent, bool in_list) {
  if (directive.block && !data.empty())
    return refuse(directive, "is a block inside of data, which YAML has no form for");
  if (directive.block && is_named_block(directive.name)) {
    if (directive.args.empty()) return refuse(directive, "lacks its argument");
    out += '\n';
    line_start(indent + 2);
    key(joined_args(directive), directive);
    return block_value(directive, indent + 2, true);
  }
  if (directive.block) {
    if (!directive.args.empty()) return refuse(directive, "has arguments and a block, which YAML has no form for");
    return block_value(directive, indent, in_list);
  }
  if (directive.args.empty()) {
    if (!is_flag(data, directive.name)) return refuse(directive, "lacks its arguments");
    out += " true\n";
    return;
  }
  const std::string text = joined_args(directive);
  if (!is_utf8(text)) refuse(directive, "is not UTF-8, which YAML must be");
  out += ' ' + yaml_scalar(text) + '\n';
}

// `may_be_list`: the value stands where a list is the ordered body; elsewhere a list repeats the directive, and an
// ordered body is a list in that list.
void YamlWriter::block_value(const Directive& directive, size_t indent, bool may_be_list) {
  if (directive.block->empty()) {
    out += " {}\n";
    return;
  }
  const std::string_view data = is_data_block(directive.name) ? std::string_view(directive.name) : std::string_view();
  const bool ordered = !fits_map(*directive.block, grouped(*directive.block), !data.empty());
  out += '\n';
  if (ordered && !may_be_list) {
    line_start(indent + 2);
    out += '-';
    const size_t dash = out.size();
    body(*directive.block, data, indent + 4);
    out.erase(dash, indent + 3);
    return;
  }
  body(*directive.block, data, indent + 2);
}

}  // namespace

Result<std::string> write_yaml(const std::vector<Directive>& directives) {
  YamlWriter writer;
  writer.body(directives, {}, 0);
  if (!writer.error.empty()) return Unexpected{writer.error};
  return std::move(writer.out);
}

}  // namespace weir::config
