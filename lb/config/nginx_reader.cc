// The lexer follows ngx_conf_read_token to the letter; what differs is that it knows columns and goes on after errors.
#include "config/nginx_reader.h"

#include <algorithm>

#include "config/words.h"

namespace weir::config {
namespace {

constexpr size_t kLongestWord = 4096;  // NGX_CONF_BUFFER
constexpr int kDeepest = 64;

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// How a statement ended. kBroken: nothing after this point can be believed.
enum class End : uint8_t { kSemicolon, kBlockStart, kBlockEnd, kEndOfFile, kBroken };

class Lexer {
 public:
  Lexer(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics)
      : file_(file), text_(file->text), diagnostics_(diagnostics) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  // Reads the words up to the next ; { or }.
  End statement(std::vector<Argument>& words);
  Position here() const { return at(pos_); }
  // Behind the brace that opens a block of Lua: goes behind the one that closes it. False at the end of the file.
  bool skip_lua();

 private:
  enum class State : uint8_t { kBetween, kInWord, kAfterQuote };

  Position at(size_t offset) const { return {file_, line_, static_cast<int>(offset - line_start_) + 1}; }
  void begin_word();
  void end_word(std::vector<Argument>& words, size_t end);
  // A character outside of words. True when the statement ends with it.
  bool between(char c, std::vector<Argument>& words, End& end);
  // A character inside a word. True when the word ends with it.
  bool in_word(char c);
  // Of a template that was not filled in, `{{ port }}` or `{% if x %}`: taken as a part of a word, so that the builder
  // can name it. False when none begins at the brace just read.
  bool skip_placeholder();
  End end_of_file(const std::vector<Argument>& words);
  End too_long();
  void error(const Position& position, std::string text) { diagnostics_.error(position, std::move(text)); }

  std::shared_ptr<const SourceFile> file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  size_t pos_ = 0;
  int line_ = 1;
  size_t line_start_ = 0;

  State state_ = State::kBetween;
  bool comment_ = false;
  bool escaped_ = false;   // the character before was a backslash
  bool variable_ = false;  // the character before was a $: ${ does not begin a block
  char quote_ = '\0';
  size_t word_start_ = 0;  // behind the opening quote
  Position word_at_;
};

End Lexer::statement(std::vector<Argument>& words) {
  state_ = State::kBetween;
  while (pos_ < text_.size()) {
    const char c = text_[pos_++];
    if (c == '\0') {
      error(at(pos_ - 1), "the file contains a NUL byte");
      return End::kBroken;
    }
    if (c == '\n') {
      ++line_;
      line_start_ = pos_;
      comment_ = false;
    }
    if (comment_) continue;
    if (state_ == State::kInWord) {
      if (pos_ - word_start_ > kLongestWord) return too_long();
      if (escaped_) {
        escaped_ = false;
        continue;
      }
      if (!in_word(c)) continue;
      const bool was_quoted = quote_ != '\0';
      end_word(words, pos_ - 1);
      state_ = was_quoted ? State::kAfterQuote : State::kBetween;
      if (was_quoted || is_blank(c)) continue;
      return c == ';' ? End::kSemicolon : End::kBlockStart;
    }
    if (state_ == State::kAfterQuote) {
      state_ = State::kBetween;
      if (!is_blank(c) && c != ';' && c != '{' && c != ')') {
        error(at(pos_ - 1), std::string("unexpected \"") + c + "\" after a quoted word");
        if (c == '"' || c == '\'') continue;  // most likely a stray quote: what follows is not inside quotes
      }
    }
    End end = End::kSemicolon;
    if (between(c, words, end)) return end;
  }
  return end_of_file(words);
}

// Braces count outside of strings and comments; long brackets are not looked for.
bool Lexer::skip_lua() {
  int depth = 1;
  char quote = '\0';
  while (pos_ < text_.size() && depth > 0) {
    const char c = text_[pos_++];
    if (c == '\n') {
      ++line_;
      line_start_ = pos_;
      quote = '\0';  // no string goes on over it
    } else if (quote != '\0') {
      if (c == '\\' && pos_ < text_.size() && text_[pos_] != '\n') ++pos_;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '-' && text_.substr(pos_).starts_with('-')) {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
    } else if (c == '{' || c == '}') {
      depth += c == '{' ? 1 : -1;
    }
  }
  return depth == 0;
}

bool Lexer::between(char c, std::vector<Argument>& words, End& end) {
  if (is_blank(c)) return false;
  if (c == '{') {
    const size_t brace = pos_ - 1;
    if (skip_placeholder()) {
      state_ = State::kInWord;
      quote_ = '\0';
      word_at_ = at(brace);
      word_start_ = brace;
      return false;
    }
  }
  switch (c) {
    case ';':
    case '{':
      end = c == ';' ? End::kSemicolon : End::kBlockStart;
      if (!words.empty()) return true;
      error(at(pos_ - 1), std::string("unexpected \"") + c + "\"");
      return c == '{';  // the block is read, so that its braces are balanced, and thrown away
    case '}':
      end = End::kBlockEnd;
      if (words.empty()) return true;
      error(at(pos_ - 1), "unexpected \"}\", expecting \";\" after \"" + words.back().text + "\"");
      --pos_;
      end = End::kSemicolon;
      return true;
    case '#': comment_ = true; return false;
    default: begin_word(); return false;
  }
}

bool Lexer::skip_placeholder() {
  const char kind = pos_ < text_.size() ? text_[pos_] : '\0';
  if (kind != '{' && kind != '%') return false;
  const size_t close = text_.find(kind == '{' ? "}}" : "%}", pos_ + 1);
  if (close == std::string_view::npos || text_.substr(pos_, close - pos_).find('\n') != std::string_view::npos)
    return false;
  pos_ = close + 2;
  return true;
}

void Lexer::begin_word() {
  const char c = text_[pos_ - 1];
  state_ = State::kInWord;
  word_at_ = at(pos_ - 1);
  quote_ = c == '"' || c == '\'' ? c : '\0';
  word_start_ = quote_ != '\0' ? pos_ : pos_ - 1;
  escaped_ = c == '\\';
  variable_ = c == '$';
}

bool Lexer::in_word(char c) {
  if (c == '{' && variable_) return false;
  variable_ = false;
  if (c == '\\') {
    escaped_ = true;
    return false;
  }
  if (c == '$') {
    variable_ = true;
    return false;
  }
  if (quote_ != '\0') return c == quote_;
  if (c == '{' && skip_placeholder()) return false;
  return is_blank(c) || c == ';' || c == '{';
}

void Lexer::end_word(std::vector<Argument>& words, size_t end) {
  words.push_back({unescape_word(text_.substr(word_start_, end - word_start_)), quote_ != '\0', word_at_});
}

End Lexer::end_of_file(const std::vector<Argument>& words) {
  const bool in_word = state_ == State::kInWord;
  if (in_word && quote_ != '\0') {
    error(word_at_, std::string("unexpected end of file, missing terminating \"") + quote_ + "\" character");
    return End::kBroken;
  }
  if (in_word || !words.empty()) {
    error(here(), "unexpected end of file, expecting \";\" or \"}\"");
    return End::kBroken;
  }
  return End::kEndOfFile;
}

End Lexer::too_long() {
  if (quote_ != '\0') {
    error(word_at_, std::string("too long parameter, probably missing terminating \"") + quote_ + "\" character");
  } else {
    error(word_at_, "too long parameter \"" + std::string(text_.substr(word_start_, 10)) + "...\" started");
  }
  return End::kBroken;
}

class Parser {
 public:
  Parser(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics)
      : lexer_(file, diagnostics), diagnostics_(diagnostics) {}

  // `open` is the directive whose block is read, null at the top of the file. False when reading must stop.
  bool block(std::vector<Directive>& into, const Directive* open, int depth);

 private:
  // False at the end of the file.
  bool skip_lua(const Directive& open) { return lexer_.skip_lua() || (end_inside(open), false); }
  void end_inside(const Directive& open) {
    diagnostics_.error(lexer_.here(), "unexpected end of file, expecting \"}\" for the block \"" + open.name +
                                          "\" of line " + std::to_string(open.at.line));
  }
  Lexer lexer_;
  Diagnostics& diagnostics_;
};

bool Parser::block(std::vector<Directive>& into, const Directive* open, int depth) {
  while (true) {
    std::vector<Argument> words;
    const End end = lexer_.statement(words);
    if (end == End::kBroken) return false;
    if (end == End::kEndOfFile) {
      if (open != nullptr) end_inside(*open);
      return false;
    }
    if (end == End::kBlockEnd) {
      if (open != nullptr) return true;
      Position at = lexer_.here();
      --at.column;
      diagnostics_.error(at, "unexpected \"}\"");
      continue;
    }
    Directive directive;
    directive.at = lexer_.here();
    const bool named = !words.empty();
    if (named) {
      directive.name = std::move(words.front().text);
      directive.at = words.front().at;
      words.erase(words.begin());
    }
    directive.args = std::move(words);
    bool go_on = true;
    if (end == End::kBlockStart) {
      if (depth == kDeepest) {
        diagnostics_.error(directive.at, "blocks are nested more than " + std::to_string(kDeepest) + " deep");
        return false;
      }
      directive.block.emplace();
      // Only that it can be named: weir runs no Lua.
      go_on = directive.name.ends_with("_by_lua_block") ? skip_lua(directive)
                                                        : block(*directive.block, &directive, depth + 1);
    }
    if (named) into.push_back(std::move(directive));
    if (!go_on) return false;
  }
}

}  // namespace

std::vector<Directive> read_nginx(const std::shared_ptr<const SourceFile>& file, Diagnostics& diagnostics) {
  std::vector<Directive> directives;
  Parser(file, diagnostics).block(directives, nullptr, 0);
  return directives;
}

}  // namespace weir::config
