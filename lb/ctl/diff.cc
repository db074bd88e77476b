#include "ctl/diff.h"

#include <cstdio>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/difference.h"
#include "config/dump.h"
#include "config/loader.h"
#include "ctl/client.h"
#include "ctl/text.h"
#include "process/load.h"
#include "process/places.h"

namespace weir::ctl {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

// Its effective settings. Errors have been said.
Result<std::string> settings_of(const process::CommandLine& line, const std::string& file) {
  process::CommandLine of_file = line;
  of_file.config = file;
  const process::LoadedConfig loaded = process::load_config(of_file);
  for (const std::string& error : loaded.errors) say(error);
  if (!loaded.model) return Unexpected{"the configuration " + file + " has errors"};
  return config::dump_effective(*loaded.model, true);
}

Result<std::string> settings_of_running(const process::CommandLine& line) {
  const process::Places places = process::find_places(line);
  if (places.admin.empty())
    return Unexpected{"\"admin off\": the running weir cannot be asked (--against compares two files)"};
  Result<CtlReply> reply = ask_weir(places.admin, "GET", "/v1/configuration", "", kLookPatience);
  if (!reply) return Unexpected{reply.error()};
  if (reply->status != 200) return Unexpected{error_text(reply->body, reply->status)};
  return std::move(reply->body);
}

}  // namespace

int diff(const process::CommandLine& line) {
  const auto fail = [](const std::string& why) {
    say("weir diff: " + why);
    return kNotCompared;
  };
  const Result<std::string> after = settings_of(line, line.config);
  if (!after) return fail(after.error());
  const Result<std::string> before =
      line.diff_against.empty() ? settings_of_running(line) : settings_of(line, line.diff_against);
  if (!before) return fail(before.error());
  const std::vector<std::string> lines = config::differences(*before, *after);
  for (const std::string& each : lines) std::printf("%s\n", each.c_str());
  return lines.empty() ? 0 : kDiffers;
}

}  // namespace weir::ctl
