// The commands of weir ctl. Answers go to stdout, everything else to stderr.
#include "ctl/ctl.h"

#include <poll.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ctl/client.h"
#include "ctl/reload.h"
#include "ctl/text.h"
#include "process/places.h"

namespace weir::ctl {
namespace {

using nlohmann::json;

constexpr int kPollMs = 200;

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

std::string body_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Ctl {
 public:
  Ctl(const process::CtlLine& line, std::string socket) : line_(line), socket_(std::move(socket)) {}

  int run() {
    switch (line_.verb) {
      case process::CtlVerb::kList:
        return line_.target == "certificates" ? show("/v1/certificates", certificates_table)
                                              : show(list_target(), peers_table);
      case process::CtlVerb::kStatus: return show("/v1/status", status_text);
      case process::CtlVerb::kMetrics: return show("/metrics", [](const std::string& page) { return page; });
      case process::CtlVerb::kDrain: return drain();
      case process::CtlVerb::kUp: return change({{"action", "up"}});
      case process::CtlVerb::kDown: return change({{"action", "down"}});
      case process::CtlVerb::kReset: return change({{"action", "reset"}});
      case process::CtlVerb::kWeight: return weigh();
      case process::CtlVerb::kMaintenance: return maintain();
      case process::CtlVerb::kReload: return reload();
      case process::CtlVerb::kCache: return cache();
      case process::CtlVerb::kNone: break;
    }
    return kCtlRefused;
  }

 private:
  // The answer; nullopt when there is none or it is a refusal, which has been said.
  std::optional<CtlReply> ask(const char* method, const std::string& target, const json& body) {
    return ask(method, target, body_of(body));
  }
  std::optional<CtlReply> ask(const char* method, const std::string& target, const std::string& body = {}) {
    Result<CtlReply> reply =
        ask_weir(socket_, method, target, body, std::string_view(method) == "GET" ? kLookPatience : kWorkPatience);
    if (!reply) {
      say("weir ctl: " + reply.error());
      code_ = kCtlUnreachable;
      return std::nullopt;
    }
    if (reply->status >= 200 && reply->status < 300) return std::move(*reply);
    say("weir ctl: " + error_text(reply->body, reply->status));
    code_ = kCtlRefused;
    return std::nullopt;
  }

  std::string list_target() const {
    return line_.target.empty() ? "/v1/upstreams" : "/v1/upstreams/" + path_encoded(line_.target);
  }
  std::string peer_target() const { return "/v1/peers/" + path_encoded(line_.target); }

  template <class Text>
  int show(const std::string& target, Text text) {
    const auto reply = ask("GET", target);
    if (!reply) return code_;
    print(line_.json ? reply->body : text(reply->body));
    return 0;
  }

  json with_why(json body) const {
    if (!line_.why.empty()) body["why"] = line_.why;
    return body;
  }

  int change(const json& body) {
    const auto reply = ask("POST", peer_target(), with_why(body));
    if (!reply) return code_;
    print(peer_line(reply->body) + "\n");
    warn(reply->body);
    return 0;
  }

  static void warn(const std::string& answer) {
    for (const std::string& warning : warnings_in(answer)) say("weir ctl: warning: " + warning);
  }

  int weigh() {
    json body = {{"action", "weight"}, {"weight", nullptr}};
    if (const auto weight = parse_decimal(line_.word)) body["weight"] = *weight;
    return change(body);
  }

  int drain() {
    const auto begun = ask("POST", peer_target(),
                           with_why({{"action", "drain"},
                                     {"wait_ms", line_.wait.count()},
                                     {"spread_ms", line_.spread.count()},
                                     {"code", line_.code}}));
    if (!begun) return code_;
    warn(begun->body);
    if (line_.no_wait) return print(peer_line(begun->body) + "\n"), 0;
    return follow_drain(begun->body);
  }

  // It ends by itself: after --wait, --spread and the grace of the last close frames.
  int follow_drain(std::string answer) {
    std::string said;
    while (true) {
      const DrainReport report = drain_report(answer);
      const std::string line = line_.target + ": " + report.text;
      if (report.end == DrainReport::End::kDone) return print(line + "\n"), 0;
      if (report.end != DrainReport::End::kRunning) return say("weir ctl: " + line), kCtlRefused;
      if (line != said) say(said = line);
      ::poll(nullptr, 0, kPollMs);
      auto reply = ask("GET", peer_target());
      if (!reply) return code_;
      answer = std::move(reply->body);
    }
  }

  int cache() {
    if (line_.word.empty()) return show("/v1/cache", caches_table);
    json body = {{"key", line_.target == "all" ? "*" : line_.target}};
    if (!line_.zone.empty()) body["zone"] = line_.zone;
    const auto reply = ask("POST", "/v1/cache/purge", body);
    if (!reply) return code_;
    print(line_.json ? reply->body : purge_text(reply->body));
    return 0;
  }

  int maintain() {
    if (line_.word.empty()) return show("/v1/maintenance", maintenance_text);
    json body = {{"on", line_.word == "default" ? json() : json(line_.word == "on")}};
    const size_t slash = line_.target.find('/');
    if (!line_.target.empty()) body["server"] = line_.target.substr(0, slash);
    if (slash != std::string::npos) body["location"] = line_.target.substr(slash);
    const auto reply = ask("POST", "/v1/maintenance", with_why(std::move(body)));
    if (!reply) return code_;
    print(line_.json ? reply->body : maintenance_text(reply->body));
    warn(reply->body);
    return 0;
  }

  int reload() {
    const auto reply = ask("POST", "/v1/reload", reload_body(line_));
    if (!reply) return code_;
    print(reload_text(reply->body));
    return 0;
  }

  const process::CtlLine& line_;
  const std::string socket_;
  int code_ = 0;
};

Result<std::string> socket_of(const process::CommandLine& line) {
  if (!line.ctl.socket.empty()) {
    constexpr std::string_view kUnix = "unix:";
    return line.ctl.socket.starts_with(kUnix) ? line.ctl.socket.substr(kUnix.size()) : line.ctl.socket;
  }
  const process::Places places = process::find_places(line);
  if (!places.readable) return Unexpected{places.errors.front() + "; the admin socket is unknown, give --socket PATH"};
  if (places.admin.empty())
    return Unexpected{"the configuration " + line.config + " has \"admin off\": there is no admin socket"};
  if (!places.errors.empty())
    say("weir ctl: warning: configuration " + line.config + " has errors (weir -t shows them), asking at " +
        places.admin);
  return places.admin;
}

}  // namespace

int ctl(const process::CommandLine& line) {
  const Result<std::string> socket = socket_of(line);
  if (!socket) {
    say("weir ctl: " + socket.error());
    return kCtlUnreachable;
  }
  return Ctl(line.ctl, *socket).run();
}

}  // namespace weir::ctl
