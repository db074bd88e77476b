// The YAML reader: any bytes are read or refused, nothing is thrown, and what is read means the same as nginx text.
// uses: base config
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/loader.h"
#include "config/nginx_reader.h"
#include "config/writer.h"
#include "config/yaml_reader.h"
#include "config_source.h"

using namespace weir::config;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const std::vector<Directive> directives = read_yaml(source(text, Syntax::kYaml), diagnostics);
  (void)diagnostics.to_text();
  if (!diagnostics.failed() && !has_long_word(directives)) {
    Diagnostics again;
    const std::string written = write_nginx(directives);
    must(same_content(directives, read_nginx(source(written, Syntax::kNginx), again)) && !again.failed());
  }
  (void)load_text(text, "f.yaml");
  return 0;
}
