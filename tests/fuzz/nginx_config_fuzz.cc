// The nginx reader: any bytes are read or refused; what is read survives both writers; what is written loads or is not.
// uses: base config
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/dump.h"
#include "config/loader.h"
#include "config/nginx_reader.h"
#include "config/writer.h"
#include "config/yaml_reader.h"

namespace {

using namespace weir;
using namespace weir::config;

void must(bool fact) {
  if (!fact) std::abort();
}

std::shared_ptr<const SourceFile> source(std::string text, Syntax syntax) {
  auto file = std::make_shared<SourceFile>();
  file->name = "f";
  file->text = std::move(text);
  file->syntax = syntax;
  return file;
}

// Escapes may make a word longer than the reader takes.
bool has_long_word(const std::vector<Directive>& directives) {
  for (const Directive& directive : directives) {
    if (directive.name.size() > 900) return true;
    size_t all = 0;
    for (const Argument& argument : directive.args) all += argument.text.size();
    if (all > 900 || (directive.block && has_long_word(*directive.block))) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const std::vector<Directive> directives = read_nginx(source(text, Syntax::kNginx), diagnostics);
  (void)diagnostics.to_text();
  if (!diagnostics.failed() && !has_long_word(directives)) {
    const std::string written = write_nginx(directives);
    Diagnostics again;
    must(same_content(directives, read_nginx(source(written, Syntax::kNginx), again)) && !again.failed());
    if (const auto yaml = write_yaml(directives)) {
      Diagnostics of_yaml;
      const std::vector<Directive> back = read_yaml(source(*yaml, Syntax::kYaml), of_yaml);
      must(!of_yaml.failed());
      const auto yaml_again = write_yaml(back);
      must(yaml_again && *yaml_again == *yaml);
    }
  }
  const LoadedConfig loaded = load_text(text);
  if (loaded.ok()) {
    const std::string dump = dump_effective(loaded.model, true);
    must(!dump.empty());
  }
  return 0;
}
