#include "config/manual.h"

#include <algorithm>
#include <vector>

#include "config/directive.h"

namespace weir::config {
namespace {

constexpr size_t kWidth = 100;

std::vector<const Row*> rows_by_name() {
  std::vector<const Row*> rows = all_rows();
  std::stable_sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) { return a->name < b->name; });
  return rows;
}

std::string form_of(const Row& row) {
  return std::string(row.name) + (row.kind.form.empty() ? "" : " " + std::string(row.kind.form)) +
         (row.open != nullptr ? "" : ";");
}

// "60s", "60s (nginx: 1m)", or nothing.
std::string default_of(const Row& row) {
  std::string out(row.weir_default);
  if (!row.nginx_default.empty() && row.nginx_default != row.weir_default)
    out += (out.empty() ? "none (nginx: " : " (nginx: ") + std::string(row.nginx_default) + ")";
  return out;
}

std::string wrapped(std::string_view text, const std::string& indent) {
  std::string out, line;
  const auto end_line = [&] {
    if (!line.empty()) out += indent + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > kWidth) end_line();
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  end_line();
  return out;
}

std::string entry(const Row& row) {
  std::string out = form_of(row) + "\n    in " + to_string_of_contexts(row.contexts);
  if (const std::string value = default_of(row); !value.empty()) out += "; default " + value;
  return out + "\n" + wrapped(row.help, "    ");
}

// A backslash, and what troff would take for a request at the begin of a line.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == ':')
      out += ":\\:";  // a line may break there
    else
      out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

constexpr std::string_view kIntroduction = R"(.SH DESCRIPTION
.B weir
reads nginx's configuration syntax, or the same directives as YAML (files that end with .yaml or .yml).
A simple directive is a name, its arguments and a semicolon; a block has its own in braces.
.B include
takes other files in. A file without an
.B http
block whose directives belong there is taken as inside it.
.PP
.B weir \-t
checks a file and names every mistake with its line and column; it also names what weir does otherwise than nginx.
.B weir \-\-effective
prints every setting as it holds, inherited ones and defaults too.
.B defaults nginx;
in http brings nginx's defaults instead of weir's.
.PP
Times are written 500ms, 60s, 5m, 1h30m, 1d; sizes 512, 8k, 1m, 1g.
.SH DIRECTIVES
)";

}  // namespace

std::string manual_entry(std::string_view name) {
  std::string out;
  for (const Row* row : all_rows())
    if (row->name == name) out += entry(*row);
  return out;
}

std::string manual_text() {
  std::string out;
  for (const Row* row : rows_by_name()) out += (out.empty() ? "" : "\n") + entry(*row);
  return out;
}

std::string manual_page(std::string_view version) {
  std::string out = ".TH WEIR.CONF 5 \"\" \"weir " + std::string(version) + "\" \"File formats\"\n";
  out += ".ad l\n";  // a long list leaves lines of one word, which cannot be adjusted
  out += ".SH NAME\nweir.conf \\- configuration of the load balancer weir\n";
  out += kIntroduction;
  for (const Row* row : rows_by_name()) {
    out += ".TP\n.B " + escaped(form_of(*row)) + "\nIn " + escaped(to_string_of_contexts(row->contexts)) + ".";
    if (const std::string value = default_of(*row); !value.empty()) out += " Default: " + escaped(value) + ".";
    out += "\n.br\n" + escaped(row->help) + "\n";
  }
  out += ".SH FILES\n.I /etc/weir/weir.conf\n.SH SEE ALSO\n.BR weir (8),\n.BR weir-ctl (8)\n";
  return out;
}

}  // namespace weir::config
