// `weir init`: a first configuration, written where there is none.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "base/system.h"
#include "config/tree.h"
#include "process/privileges.h"
#include "server/commands.h"
#include "server/first_configuration.h"
#include "server/init_questions.h"

namespace weir::server {
namespace {

constexpr int kNocobasePort = 13000;

// Never over a file that is there, nor through a link.
Status<> write_new(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) {
    if (errno == EEXIST) return Unexpected{path + " is there already: nothing is written (-c FILE names another one)"};
    return Unexpected{call_failed("open() \"" + path + "\"", errno)};
  }
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = ::write(fd, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    written += static_cast<size_t>(n);
  }
  const int failure = written < text.size() ? errno : 0;
  if (::close(fd) == 0 && failure == 0) return Void{};
  const std::string why = call_failed("write() \"" + path + "\"", failure != 0 ? failure : errno);
  ::unlink(path.c_str());
  return Unexpected{why};
}

// Of a package's installation: its user, and its directories.
bool is_packaged(const std::string& directory) {
  if (directory != "/etc/weir" || !process::find_account("weir", "")) return false;
  for (const char* place : {"/run/weir", "/var/lib/weir", "/var/log/weir"})
    if (::access(place, X_OK) != 0) return false;
  return true;
}

Result<FirstConfiguration> wanted_by(const process::InitLine& init, const std::string& directory) {
  FirstConfiguration wanted;
  wanted.nocobase = !init.nocobase.empty();
  if (wanted.nocobase && !init.nodes.empty())
    return Unexpected{"nodes are named by --nocobase or without it, not both"};
  for (const std::string& text : wanted.nocobase ? init.nocobase : init.nodes) {
    Result<std::string> node = checked_node(text, wanted.nocobase ? kNocobasePort : 0);
    if (!node) return Unexpected{node.error()};
    wanted.nodes.push_back(std::move(*node));
  }
  if (!init.tls.empty()) {
    Result<std::string> name = checked_name(init.tls);
    if (!name) return Unexpected{name.error()};
    wanted.name = std::move(*name);
  }
  wanted.packaged = is_packaged(directory);
  wanted.directory = directory == "/" ? "" : directory;
  wanted.low_ports = wanted.packaged || ::geteuid() == 0;
  return wanted;
}

bool says_nothing(const process::InitLine& init) {
  return init.nodes.empty() && init.nocobase.empty() && init.tls.empty();
}

}  // namespace

int init(const process::CommandLine& line) {
  const auto refuse = [](const std::string& why) {
    std::fprintf(stderr, "weir init: %s\n", why.c_str());
    return 1;
  };
  const std::string& file = line.config;
  if (config::syntax_of(file) != config::Syntax::kNginx)
    return refuse("it writes nginx's syntax, " + file + " is YAML (`weir convert` turns it into that)");
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(file, failed).lexically_normal();
  if (failed) return refuse("no absolute path of " + file + " (" + failed.message() + ")");
  process::InitLine said = line.init;
  if (says_nothing(said) && !std::filesystem::exists(std::filesystem::symlink_status(path, failed)))
    if (const AskLine ask = terminal()) {
      Result<process::InitLine> typed = ask_for_init(ask);
      if (!typed) return refuse(typed.error());
      said = std::move(*typed);
    }
  const Result<FirstConfiguration> wanted = wanted_by(said, path.parent_path().string());
  if (!wanted) return refuse(wanted.error());
  if (const Status<> written = write_new(file, compose(*wanted)); !written) return refuse(written.error());
  process::CommandLine test = line;
  test.command = process::Command::kTest;
  test.quiet = true;
  if (test_config(test) != 0) {
    ::unlink(file.c_str());
    return refuse("nothing is written: the configuration would not be taken");
  }
  std::fprintf(stderr, "weir init: %s is written; weir -c %s serves it, weir reload -c %s follows a change\n",
               file.c_str(), file.c_str(), file.c_str());
  return 0;
}

}  // namespace weir::server
