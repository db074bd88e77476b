// Splitting, unescaping and quoting of words; the rules are those of ngx_conf_read_token.
#include "config/words.h"

namespace weir::config {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What unescape_word takes away.
constexpr bool escapes(char c) {
  return c == '"' || c == '\'' || c == '\\' || c == 't' || c == 'r' || c == 'n';
}

void append_escaped(std::string& out, std::string_view text, char quote) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '\t': out += "\\t"; continue;
      case '\r': out += "\\r"; continue;
      case '\n': out += "\\n"; continue;
      case '\\':
        // A lone backslash before any other character is kept by the reader, so a regular expression stays readable.
        // The end of the word, and a blank that will itself be written as an escape, need the double one.
        if (i + 1 == text.size() || escapes(text[i + 1]) || (is_blank(text[i + 1]) && text[i + 1] != ' ')) out += '\\';
        break;
      default:
        if (c == quote) out += '\\';
    }
    out += c;
  }
}

std::string quote(std::string_view text, bool must) {
  if (!must) {
    std::string out;
    append_escaped(out, text, '\0');
    return out;
  }
  const bool single = text.find('"') != std::string_view::npos && text.find('\'') == std::string_view::npos;
  const char mark = single ? '\'' : '"';
  std::string out(1, mark);
  append_escaped(out, text, mark);
  out += mark;
  return out;
}

}  // namespace

std::string unescape_word(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size()) {
      switch (raw[i + 1]) {
        case '"':
        case '\'':
        case '\\': ++i; break;
        case 't': out += '\t', ++i; continue;
        case 'r': out += '\r', ++i; continue;
        case 'n': out += '\n', ++i; continue;
        default: break;
      }
    }
    out += raw[i];
  }
  return out;
}

Result<std::vector<Word>> split_words(std::string_view text) {
  std::vector<Word> words;
  size_t i = 0;
  while (true) {
    while (i < text.size() && is_blank(text[i])) ++i;
    if (i == text.size()) return words;
    Word word;
    word.offset = i;
    const char mark = text[i];
    if (mark == '"' || mark == '\'') {
      const size_t start = ++i;
      while (i < text.size() && text[i] != mark) i += text[i] == '\\' ? 2 : 1;
      if (i >= text.size()) return Unexpected{std::string("missing terminating \"") + mark + "\" character"};
      word.text = unescape_word(text.substr(start, i - start));
      word.quoted = true;
      ++i;
      // As nginx: a closing bracket may follow a quote at once, and begins a word.
      if (i < text.size() && !is_blank(text[i]) && text[i] != ')')
        return Unexpected{std::string("unexpected \"") + text[i] + "\" after a quoted word"};
    } else {
      const size_t start = i;
      while (i < text.size() && !is_blank(text[i])) i += text[i] == '\\' ? 2 : 1;
      if (i > text.size()) i = text.size();
      word.text = unescape_word(text.substr(start, i - start));
    }
    words.push_back(std::move(word));
  }
}

std::string quote_word(std::string_view text) {
  bool must = text.empty();
  for (size_t i = 0; i < text.size() && !must; ++i) {
    const char c = text[i];
    if (is_blank(c) || c == ';') must = true;
    if (c == '{' && (i == 0 || text[i - 1] != '$' || text.find('\\') != std::string_view::npos)) must = true;
    if (i == 0 && (c == '"' || c == '\'' || c == '#' || c == '}')) must = true;
  }
  return quote(text, must);
}

std::string quote_yaml_word(std::string_view text) {
  bool must = text.empty() || text.front() == '"' || text.front() == '\'';
  for (const char c : text) must = must || is_blank(c);
  return quote(text, must);
}

}  // namespace weir::config
