// Canonical nginx text: four blanks a level, quotes only where the reader needs them.
#include "config/words.h"
#include "config/writer.h"

namespace weir::config {
namespace {

void write_block(const std::vector<Directive>& directives, size_t depth, std::string& out) {
  for (const Directive& directive : directives) {
    out.append(depth * 4, ' ');
    out += head_text(directive);
    if (!directive.block) {
      out += ";\n";
    } else if (directive.block->empty()) {
      out += " {}\n";
    } else {
      out += " {\n";
      write_block(*directive.block, depth + 1, out);
      out.append(depth * 4, ' ');
      out += "}\n";
    }
  }
}

}  // namespace

std::string head_text(const Directive& directive) {
  std::string out = quote_word(directive.name);
  for (const Argument& argument : directive.args) out += " " + quote_word(argument.text);
  return out;
}

std::string write_nginx(const std::vector<Directive>& directives) {
  std::string out;
  write_block(directives, 0, out);
  return out;
}

}  // namespace weir::config
