// nginx's words: the quoting and escaping that both syntaxes share (an nginx statement, a YAML scalar).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::config {

// \" \' \\ \t \r \n are replaced; any other backslash stays, which is what regular expressions want.
std::string unescape_word(std::string_view raw);

struct Word {
  std::string text;
  bool quoted = false;
  size_t offset = 0;  // of its first character in the text that was split
};

// A YAML scalar as arguments: words as in an nginx statement, but ; { } and # are ordinary characters, for nothing ends
// there.
Result<std::vector<Word>> split_words(std::string_view text);

// The other way: the shortest writing that the nginx reader reads as `text`.
std::string quote_word(std::string_view text);
// The same for split_words.
std::string quote_yaml_word(std::string_view text);

}  // namespace weir::config
