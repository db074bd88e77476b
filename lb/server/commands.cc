// -t, -T, -v, -V and convert.
#include "server/commands.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "config/files.h"
#include "config/tree_loader.h"
#include "config/writer.h"
#include "io/versions.h"
#include "process/load.h"
#include "runtime/names.h"
#include "runtime/site_builder.h"

namespace weir::server {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

void say_all(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) say(line);
}

}  // namespace

int test_config(const process::CommandLine& line) {
  const std::string file = "configuration file " + line.config;
  process::LoadedConfig config = process::load_config(line);
  say_all(config.warnings);
  if (!config.model) {
    say_all(config.errors);
    say("weir: " + file + " test failed");
    return 1;
  }
  if (!line.quiet) say("weir: the " + file + " syntax is ok");
  runtime::Registry registry;
  runtime::NameBook names;
  observe::AccessLogWriter log_writer;
  const runtime::BuiltSite built =
      runtime::build_site({*config.model, 1, registry, log_writer, names.fresh(*config.model)});
  say_all(built.warnings);
  if (!built.site) {
    say_all(built.errors);
    say("weir: " + file + " test failed");
    return 1;
  }
  if (!line.quiet) say("weir: " + file + " test is successful");
  if (line.command == process::Command::kDump) std::fwrite(config.dump.data(), 1, config.dump.size(), stdout);
  return 0;
}

int convert(const process::CommandLine& line) {
  config::DiskFiles disk;
  config::Diagnostics diagnostics;
  auto file = std::make_shared<config::SourceFile>();
  Result<std::string> text = disk.read(line.convert_file);
  if (!text) {
    say("weir: [emerg] " + text.error());
    return 1;
  }
  file->name = line.convert_file;
  file->text = std::move(*text);
  file->syntax = config::syntax_of(line.convert_file);
  const std::vector<config::Directive> directives = config::read_directives(file, diagnostics);
  if (diagnostics.failed()) {
    std::fputs(diagnostics.to_text().c_str(), stderr);
    return 1;
  }
  const bool to_yaml = line.convert_to.empty() ? file->syntax == config::Syntax::kNginx : line.convert_to == "yaml";
  const Result<std::string> out =
      to_yaml ? config::write_yaml(directives) : Result<std::string>(config::write_nginx(directives));
  if (!out) {
    say("weir: [emerg] " + line.convert_file + ": " + out.error());
    return 1;
  }
  std::fwrite(out->data(), 1, out->size(), stdout);
  return 0;
}

int print_version(bool with_build) {
  say("weir version: weir/" WEIR_VERSION);
  if (!with_build) return 0;
#ifdef __clang__
  say("built with clang " __clang_version__);
#else
  say("built with gcc " __VERSION__);
#endif
  say("running with " + io::library_versions());
  return 0;
}

}  // namespace weir::server
