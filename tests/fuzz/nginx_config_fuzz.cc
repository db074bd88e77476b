// The nginx reader: any bytes are read or refused; what is read survives both writers; what is written loads or is not.
// uses: base config
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/dump.h"
#include "config/loader.h"
#include "config/nginx_reader.h"
#include "config/writer.h"
#include "config/yaml_reader.h"
#include "config_source.h"

using namespace weir::config;

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
