// -t, -T, -v, -V and convert.
#include "server/commands.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/log_sink.h"
#include "base/owned_fd.h"
#include "base/sockaddr.h"
#include "base/system.h"
#include "config/directive.h"
#include "config/files.h"
#include "config/manual.h"
#include "config/tree_loader.h"
#include "config/writer.h"
#include "io/versions.h"
#include "process/admin_socket.h"
#include "process/error_logs.h"
#include "process/load.h"
#include "process/memory_limit.h"
#include "process/privileges.h"
#include "process/process.h"
#include "runtime/certificate_watch.h"
#include "runtime/connection_cap.h"
#include "runtime/explain.h"
#include "runtime/listen_sockets.h"
#include "runtime/names.h"
#include "runtime/runtime.h"
#include "runtime/site_builder.h"

namespace weir::server {
namespace {

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

void say_all(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) say(line);
}

// Whether an address to listen on is one of this machine's. Its port is left alone: a weir that runs may have it.
Status<> check_listen_address(const SocketAddress& address) {
  const std::string text = address.to_string();
  if (address.is_unix()) return process::check_directory_of(text.substr(std::string_view("unix:").size()));
  SocketAddress any_port = address;
  any_port.set_port(0);
  sockaddr_storage storage{};
  const socklen_t length = any_port.to_sockaddr(storage);
  const OwnedFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Unexpected{call_failed("socket() of " + text, errno)};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0) return Void{};
  return Unexpected{call_failed("bind() to " + text, errno)};
}

// What a start would find beside the configuration itself; the files of logs are made, as a start makes them.
std::vector<std::string> start_failures(const process::CommandLine& line, const config::Model& model) {
  std::vector<std::string> failures;
  const auto need = [&failures](const auto& done) {
    if (!done) failures.push_back(done.error());
  };
  const Result<process::RunAs> run_as = process::resolve_run_as(model.main);
  need(run_as);
  if (run_as && !run_as->warning.empty()) say("weir: [warn] " + run_as->warning);
  // A file that root makes here would be closed to the user that a reload runs as.
  if (run_as && run_as->account)
    for (const std::string& file : process::log_files(line, model))
      if (const Status<> given = process::give_file(file, *run_as->account); !given)
        say("weir: [warn] " + given.error());
  for (const LogTarget& target : process::error_log_targets(line, model.main)) need(open_log_sink(target));
  need(process::check_directory_of(model.main.pid));
  for (const runtime::ListenPlan& each : runtime::plan_listens(model)) need(check_listen_address(each.address));
  if (!model.main.admin.empty()) need(process::check_directory_of(process::admin_socket_path(model.main)));
  return failures;
}

bool has_trust(const proxy::Location& location) {
  return !location.real_ip.trusted.empty();
}
// Whether weir itself writes X-Forwarded-Proto there.
bool tells_scheme(const proxy::Location& location) {
  return location.pass && location.automatic_headers &&
         std::none_of(location.set_headers.begin(), location.set_headers.end(), [](const proxy::HeaderSetting& each) {
           return each.token == http::HeaderToken::kXForwardedProto;
         });
}
bool any_location(const std::vector<config::LocationModel>& locations, bool (*is)(const proxy::Location&)) {
  return std::any_of(locations.begin(), locations.end(), [is](const config::LocationModel& each) {
    return is(each.settings) || any_location(each.nested, is);
  });
}

// A balancer in front that ends TLS is not to be seen in a configuration, and without trust peers are told "http".
void say_how_to_trust(const config::Model& model) {
  const auto any = [&](bool (*is)(const proxy::Location&)) {
    return std::any_of(model.servers.begin(), model.servers.end(), [is](const config::ServerModel& each) {
      return is(each.settings) || any_location(each.locations, is);
    });
  };
  if (any(tells_scheme) && !any(has_trust))
    say("weir: [notice] X-Forwarded-* of clients are replaced; a balancer in front is trusted when "
        "\"set_real_ip_from ADDRESS;\" names it");
}

void say_names_resolved_once(const config::Model& model) {
  const std::vector<std::string> names = runtime::names_resolved_once(model);
  if (names.empty()) return;
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  say("weir: [notice] names resolved at the load, and again when no address of theirs takes a connection: " + list +
      " (\"resolve\" follows every change)");
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
  const std::vector<std::string> failures = start_failures(line, *config.model);
  if (!failures.empty()) {
    for (const std::string& failure : failures) say("weir: [emerg] " + failure);
    say("weir: " + file + " test failed");
    return 1;
  }
  runtime::Registry registry;
  runtime::NameBook names;
  observe::AccessLogWriter log_writer;
  const runtime::BuiltSite built =
      runtime::build_site({*config.model, 1, registry, &log_writer, names.fresh(*config.model)});
  say_all(built.warnings);
  const config::MainConfig& main = config.model->main;
  const runtime::ConnectionCap cap =
      runtime::connection_cap(*config.model, process::expected_descriptor_limit(main.rlimit_nofile),
                              runtime::wanted_workers(main), process::memory_limit());
  if (!cap.warning.empty()) say("weir: [warn] " + cap.warning);
  for (const io::CertificateFacts& each : runtime::certificates_of(*config.model))
    if (const std::string expiry = runtime::expiry_of(each, static_cast<int64_t>(std::time(nullptr))); !expiry.empty())
      say("weir: [warn] certificate " + each.where + ": " + expiry);
  if (!built.site) {
    say_all(built.errors);
    say("weir: " + file + " test failed");
    return 1;
  }
  if (!line.quiet) {
    say_how_to_trust(*config.model);
    say_names_resolved_once(*config.model);
    say("weir: " + file + " test is successful");
  }
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

int explain(const process::CommandLine& line) {
  const auto refuse = [](const std::string& why) {
    say("weir explain: " + why);
    return 1;
  };
  runtime::ExplainRequest request{
      line.explain.url, line.explain.method, {}, line.explain.headers, line.explain.cookies};
  const auto client = SocketAddress::from_ip(line.explain.client, 0);
  if (!client) return refuse("--client " + line.explain.client + " is no address");
  request.client = *client;
  if (const std::string wrong = runtime::fault_of(request); !wrong.empty()) return refuse(wrong);
  const process::LoadedConfig config = process::load_config(line);
  if (!config.model) {
    say_all(config.errors);
    return refuse("the configuration " + line.config + " has errors");
  }
  const Result<std::string> text = runtime::explain(*config.model, request);
  if (!text) return refuse(text.error());
  std::fputs(text->c_str(), stdout);
  return 0;
}

int manual(const process::CommandLine& line) {
  if (line.as_man_page) return std::fputs(config::manual_page(WEIR_VERSION).c_str(), stdout) < 0 ? 1 : 0;
  const std::string text = line.manual_of.empty() ? config::manual_text() : config::manual_entry(line.manual_of);
  if (text.empty()) {
    const std::string_view near = config::suggest_name(line.manual_of, config::kLocation);
    const std::string_view feature = config::nginx_feature(line.manual_of);
    say("weir: there is no directive \"" + line.manual_of + "\"" +
        (!feature.empty() ? ": " + config::not_supported(line.manual_of)
         : near.empty()   ? ""
                          : ", did you mean \"" + std::string(near) + "\"?"));
    return 1;
  }
  std::fputs(text.c_str(), stdout);
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
