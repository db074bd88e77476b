// The run gives the decisions; the model gives the reasons.
#include "runtime/explain.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/regex.h"
#include "proxy/arrival_step.h"
#include "route/host_table.h"
#include "runtime/dry_run.h"
#include "runtime/names.h"
#include "runtime/running_facts.h"
#include "runtime/running_text.h"
#include "runtime/site_builder.h"

namespace weir::runtime {
namespace {

using config::ListenModel;
using config::LocationModel;
using config::ServerModel;
using route::LocationKind;

constexpr size_t kLabel = 11;       // of the first column
constexpr size_t kMostOthers = 20;  // servers, or locations, that are named with why they were not chosen

struct Url {
  bool tls = false;
  std::string host;  // as the client writes it
  std::string name;  // lower case, without the port
  uint16_t port = 80;
  std::string target;
};

Result<Url> parse_url(const std::string& text) {
  const auto refuse = [&text](const char* why) { return Unexpected{"\"" + text + "\": " + why}; };
  Url url;
  const std::string scheme = lowered(text.substr(0, text.find("://")));
  if (text.find("://") == std::string::npos || (scheme != "http" && scheme != "https"))
    return refuse("it is no http:// or https:// URL");
  url.tls = scheme == "https";
  const size_t begin = scheme.size() + 3, slash = std::min(text.find_first_of("/?#", begin), text.size());
  url.host = text.substr(begin, slash - begin);
  url.target = text.substr(slash, text.find('#', slash) - slash);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  const size_t colon = url.host.rfind(':');
  const bool has_port = colon != std::string::npos && url.host.find(']', colon) == std::string::npos;
  const auto port = has_port ? parse_decimal(url.host.substr(colon + 1)) : url.tls ? 443 : 80;
  if (!port || *port < 1 || *port > 65'535) return refuse("it has no port that there is");
  url.port = static_cast<uint16_t>(*port);
  url.name = lowered(has_port ? url.host.substr(0, colon) : url.host);
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean || url.name.empty()) return refuse("it is no URL");
  return url;
}

// Nobody shakes hands; the connection is what the scheme says.
class SchemeStep final : public proxy::ArrivalStep {
 public:
  explicit SchemeStep(bool tls) : tls_(tls) {}
  bool waits_for_bytes() const override { return false; }
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Taken>(tls_); }

 private:
  struct Taken final : Progress {
    explicit Taken(bool is_tls) : tls(is_tls) {}
    Verdict on_bytes(proxy::Arriving& connection) override {
      connection.details.tls = tls;
      return Verdict::kDone;
    }
    std::string_view why() const override { return {}; }
    const bool tls;
  };
  const bool tls_;
};

// As it serves, but that it lends no keys to the contexts that shake hands.
config::Model without_keys(const config::Model& model) {
  config::Model copy = model;
  for (ServerModel& server : copy.servers) server.tls_context = nullptr;
  return copy;
}

std::string written(const LocationModel& location) {
  return location.settings.pattern;
}

class Explanation {
 public:
  Explanation(const config::Model& model, const ExplainRequest& request, const RunningFacts* running)
      : model_(model), request_(request), running_(running) {}

  Result<std::string> run() {
    Result<Url> url = parse_url(request_.url);
    if (!url) return Unexpected{url.error()};
    url_ = std::move(*url);
    const ListenModel* listen = find_listen();
    if (listen == nullptr)
      return Unexpected{"no \"listen\" has port " + std::to_string(url_.port) + "; there are " + all_listens()};
    Registry registry(0);
    NameBook names;
    const config::Model model = without_keys(model_);
    SiteInputs inputs{model, 1, registry, nullptr, running_ != nullptr ? running_->resolver() : names.fresh(model)};
    if (running_ != nullptr) inputs.overrides = running_->overrides;
    inputs.arrival = [this](proxy::ListenSite& site) {
      site.arrival.clear();
      site.arrival.push_back(std::make_unique<SchemeStep>(url_.tls));
    };
    const BuiltSite built = build_site(inputs);
    if (!built.site) return Unexpected{built.errors.front()};
    if (running_ != nullptr) copy_state(*running_, *built.site);
    const DryRun run = dry_run(built.site, {listen->address, request_.client, request_bytes()});

    line("request", request_.method + " " + request_.url + " from " + request_.client.ip());
    tell_of_listen(*listen);
    const ServerModel& server = tell_of_server(*listen);
    tell_of_steps(run);
    tell_of_location(server, run);
    if (running_ != nullptr) tell_of_limits(run);
    tell_of_peers(*built.site, server, run);
    tell_of_answer(run);
    return std::move(out_);
  }

 private:
  void line(std::string_view label, const std::string& text) {
    out_ += std::string(label) + std::string(kLabel - label.size(), ' ') + text + "\n";
  }
  void more(const std::string& text) { line("", text); }

  template <class Visit>
  void each_listen(Visit visit) const {
    for (const ServerModel& server : model_.servers)
      for (const ListenModel& listen : server.listens) visit(server, listen);
  }

  // The port's; TLS where the scheme is https, if there is a choice.
  const ListenModel* find_listen() const {
    const ListenModel* found = nullptr;
    each_listen([&](const ServerModel&, const ListenModel& listen) {
      if (listen.address.is_unix() || listen.address.port() != url_.port) return;
      if (found == nullptr || (found->ssl != url_.tls && listen.ssl == url_.tls)) found = &listen;
    });
    return found;
  }
  std::string all_listens() const {
    std::vector<std::string> names;
    each_listen([&](const ServerModel&, const ListenModel& listen) {
      const std::string name = listen.address.to_string();
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    });
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
  }

  std::string request_bytes() const {
    std::string bytes = request_.method + " " + url_.target + " HTTP/1.1\r\nHost: " + url_.host + "\r\n";
    for (const std::string& header : request_.headers) bytes += header + "\r\n";
    std::string cookies;
    for (const std::string& cookie : request_.cookies) cookies += (cookies.empty() ? "" : "; ") + cookie;
    if (!cookies.empty()) bytes += "Cookie: " + cookies + "\r\n";
    return bytes + "\r\n";
  }

  void tell_of_listen(const ListenModel& listen) {
    bool ssl = false;
    each_listen([&](const ServerModel&, const ListenModel& each) {
      ssl = ssl || (each.address == listen.address && each.ssl);
    });
    std::string text = listen.address.to_string() + (ssl ? ", TLS" : "");
    if (ssl != url_.tls) text += ssl ? " (a client without TLS is answered 400)" : " (no client can speak TLS there)";
    line("listen", text);
  }

  static bool matches(const std::string& name, const std::string& host) {
    route::HostTable table;
    return table.add(name, 0).has_value() && table.find(host) == 0;
  }
  std::optional<std::string> name_that_matches(const ServerModel& server) const {
    for (const std::string& name : server.names)
      if (matches(name, url_.name)) return name;
    return std::nullopt;
  }

  static std::string label_of(const ServerModel& server) {
    return (server.names.front().empty() ? "\"\"" : server.names.front()) + " (" + server.position + ")";
  }

  const ServerModel& tell_of_server(const ListenModel& listen) {
    std::vector<const ServerModel*> here;
    const ServerModel* default_server = nullptr;
    route::HostTable table;
    each_listen([&](const ServerModel& server, const ListenModel& each) {
      if (!(each.address == listen.address)) return;
      for (const std::string& name : server.names) (void)table.add(name, static_cast<int>(here.size()));
      here.push_back(&server);
      if (default_server == nullptr || each.default_server) default_server = &server;
    });
    const int index = table.find(url_.name);
    const ServerModel& chosen = index >= 0 ? *here[static_cast<size_t>(index)] : *default_server;
    const std::optional<std::string> by = name_that_matches(chosen);
    line("server", label_of(chosen) + ": " +
                       (index >= 0 && by ? "its name \"" + *by + "\" matches"
                                         : "the default of this listen, no name matches \"" + url_.name + "\""));
    size_t named = 0;
    for (const ServerModel* other : here) {
      if (other == &chosen || ++named > kMostOthers) continue;
      more("not " + label_of(*other) + ": " +
           (name_that_matches(*other) ? "another name goes before the one of it that matches"
                                      : "no name of it matches"));
    }
    if (named > kMostOthers) more("and not " + std::to_string(named - kMostOthers) + " more");
    return chosen;
  }

  void tell_of_steps(const DryRun& run) {
    bool first = true;
    std::string path;
    for (const DryStep& step : run.steps) {
      if (step.kind == DryStep::Kind::kLocation) {
        if (!first) more("the location of " + step.path + " is looked for");
        path = step.path;
        continue;
      }
      std::string text = step.text;
      if (!step.took)
        text += ": does not match";
      else if (step.path != path)
        text += ": the path is now " + step.path;
      path = step.path;
      line(first ? "rewrite" : "", text);
      first = false;
    }
  }

  static const LocationModel* find(const std::vector<LocationModel>& all, const std::string& pattern) {
    for (const LocationModel& each : all) {
      if (each.settings.pattern == pattern) return &each;
      if (const LocationModel* inside = find(each.nested, pattern)) return inside;
    }
    return nullptr;
  }

  void tell_of_location(const ServerModel& server, const DryRun& run) {
    if (run.path.empty()) return line("location", "none was looked for");
    const LocationModel* chosen = run.location.empty() ? nullptr : find(server.locations, run.location);
    line("location", chosen == nullptr ? "none matches " + run.path + ": the server's own settings"
                                       : written(*chosen) + " (" + chosen->position + "): " + why(*chosen));
    size_t named = 0;
    tell_of_others(server.locations, chosen, run.path, named);
    if (named > kMostOthers) more("and not " + std::to_string(named - kMostOthers) + " more");
    if (chosen != nullptr) tell_of_rules(*chosen);
  }

  static std::string why(const LocationModel& chosen) {
    switch (chosen.kind) {
      case LocationKind::kExact: return "it is the path";
      case LocationKind::kPrefix: return "the longest prefix of the path";
      case LocationKind::kPrefixFinal: return "the longest prefix, and \"^~\" lets no regular expression be tried";
      case LocationKind::kRegex:
      case LocationKind::kRegexNoCase: return "the first regular expression that matches the path";
      case LocationKind::kNamed: return "by its name";
    }
    return {};
  }

  void tell_of_others(const std::vector<LocationModel>& all, const LocationModel* chosen, const std::string& path,
                      size_t& named) {
    for (const LocationModel& each : all) {
      if (&each == chosen) {
        tell_of_others(each.nested, nullptr, path, named);
        continue;
      }
      const bool holds_it = chosen != nullptr && find(each.nested, chosen->settings.pattern) == chosen;
      if (!holds_it && ++named <= kMostOthers) more("not " + written(each) + ": " + why_not(each, chosen, path));
      if (holds_it) tell_of_others(each.nested, chosen, path, named);
    }
  }

  static std::string why_not(const LocationModel& location, const LocationModel* chosen, const std::string& path) {
    const LocationKind kind = chosen != nullptr ? chosen->kind : LocationKind::kNamed;
    switch (location.kind) {
      case LocationKind::kNamed: return "for internal redirects";
      case LocationKind::kExact: return "it is not the path";
      case LocationKind::kPrefix:
      case LocationKind::kPrefixFinal:
        if (!path.starts_with(location.pattern)) return "the path does not begin with it";
        if (kind == LocationKind::kExact) return "an exact location goes before it";
        if (kind == LocationKind::kRegex || kind == LocationKind::kRegexNoCase)
          return "a regular expression that matches goes before it";
        return "it is shorter";
      case LocationKind::kRegex:
      case LocationKind::kRegexNoCase: break;
    }
    const auto regex = Regex::compile(location.pattern, location.kind == LocationKind::kRegexNoCase);
    RegexMatch match;
    if (!regex || !regex->match(path, &match)) return "it does not match the path";
    if (kind == LocationKind::kExact) return "an exact location goes before it";
    if (kind == LocationKind::kPrefixFinal) return "\"^~\" of the longest prefix goes before it";
    return "it stands behind one that matches";
  }

  void tell_of_rules(const LocationModel& location) {
    std::string text;
    for (const filter::AccessRule& rule : location.settings.access.rules)
      text += std::string(text.empty() ? "" : "; ") + (rule.allow ? "allow " : "deny ") +
              (rule.range ? rule.range->to_string() : "all");
    if (!text.empty()) line("access", text);
  }

  static const char* method_of(policy::Method method) {
    using policy::Method;
    switch (method) {
      case Method::kRoundRobin: return "round robin: the peers take turns";
      case Method::kIpHash: return "ip_hash: the client's address decides";
      case Method::kLeastConn: return "least_conn: the peer with the fewest requests in flight";
      case Method::kHash:
      case Method::kHashConsistent: return "hash: the key decides";
      case Method::kRandom:
      case Method::kRandomTwo: return "random";
      case Method::kLeastTimeHeader:
      case Method::kLeastTimeLastByte:
      case Method::kRandomTwoHeader:
      case Method::kRandomTwoLastByte: return "least_time: the fastest peer";
    }
    return "";
  }

  // Whom the run has come to; null: nobody was asked.
  const proxy::SiteCluster* find_asked(const proxy::Site& site, const DryRun& run, const policy::Peer*& chosen) const {
    if (run.sent.empty()) return nullptr;
    for (const proxy::SiteCluster& each : site.clusters) {
      for (const auto* peers : {&each.cluster->primaries(), &each.cluster->backups()})
        for (const policy::Peer& peer : *peers)
          if (peer.options.address == run.sent.back().peer) chosen = &peer;
      if (chosen != nullptr && !run.sent.back().bytes.empty()) return &each;
      chosen = nullptr;
    }
    return nullptr;
  }
  // Whom it would have asked, had there been a peer.
  const proxy::SiteCluster* find_wanted(const proxy::Site& site, const ServerModel& server, const DryRun& run) const {
    const LocationModel* location = run.location.empty() ? nullptr : find(server.locations, run.location);
    if (location == nullptr || !location->settings.pass || location->settings.pass->dynamic) return nullptr;
    if (location->settings.returns || !run.answer.starts_with("HTTP/1.1 50")) return nullptr;
    return &site.clusters[static_cast<size_t>(location->settings.pass->cluster)];
  }

  void tell_of_peers(const proxy::Site& site, const ServerModel& server, const DryRun& run) {
    const policy::Peer* chosen = nullptr;
    if (const proxy::SiteCluster* asked = find_asked(site, run, chosen)) {
      tell_of_upstream(*asked);
      tell_of_chosen(*asked->cluster, *chosen, run);
      if (running_ != nullptr) tell_of_other_peers(*asked->cluster, chosen, run);
      if (run.sent.back().tls) more("over TLS, asked for by the name \"" + run.sent.back().tls_name + "\"");
    } else if (const proxy::SiteCluster* wanted = running_ == nullptr ? nullptr : find_wanted(site, server, run)) {
      tell_of_upstream(*wanted);
      line("peer", "none can be had now");
      tell_of_other_peers(*wanted->cluster, nullptr, run);
    }
    if (run.sent.empty()) return;
    if (!run.asked.empty()) line("upstream", run.asked + ", by the addresses that the \"resolver\" has");
    tell_of_head("sent", run.sent.back().bytes);
  }

  void tell_of_upstream(const proxy::SiteCluster& of) {
    const policy::Cluster& cluster = *of.cluster;
    const size_t count = cluster.primaries().size() + cluster.backups().size();
    line("upstream", cluster.name() + ", " + std::to_string(count) + (count == 1 ? " peer" : " peers"));
    more(method_of(cluster.method()) +
         std::string(of.sticky != nullptr ? "; sticky: a bound client keeps its peer" : ""));
  }

  static std::string weight_of(const policy::Peer& peer) {
    return "weight " + std::to_string(peer.options.weight) + (peer.options.backup ? ", backup" : "");
  }
  void tell_of_chosen(const policy::Cluster& cluster, const policy::Peer& chosen, const DryRun& run) {
    if (running_ == nullptr)
      return line("peer", chosen.options.name + ", " + weight_of(chosen) +
                              " (no state is known here: all that are not \"down\" count)");
    const std::string out = why_out(*running_, cluster.name(), chosen);
    line("peer", chosen.options.name + ", " + weight_of(chosen) + ", " + (out.empty() ? "up" : out) + ", " +
                     load_text(*running_, cluster.name(), chosen));
    if (!run.asks_binding) return;
    const bool is_bound = std::find(run.bound.begin(), run.bound.end(), chosen.options.name) != run.bound.end();
    more(run.bound.empty() ? "the request is bound to no peer"
         : is_bound        ? "the request is bound to it"
                           : "the request is bound to " + run.bound.front() + ", which cannot be had");
  }

  void tell_of_other_peers(const policy::Cluster& cluster, const policy::Peer* chosen, const DryRun& run) {
    size_t named = 0;
    for (const auto* peers : {&cluster.primaries(), &cluster.backups()})
      for (const policy::Peer& peer : *peers) {
        if (&peer == chosen || ++named > kMostOthers) continue;
        std::string why = why_out(*running_, cluster.name(), peer);
        if (why.empty()) why = why_not_chosen(cluster, peer, chosen, run);
        more("not " + peer.options.name + ", " + weight_of(peer) + ", " + load_text(*running_, cluster.name(), peer) +
             ": " + why);
      }
    if (named > kMostOthers) more("and not " + std::to_string(named - kMostOthers) + " more");
  }

  void tell_of_limits(const DryRun& run) {
    bool first = true;
    for (const DryRun::Limit& limit : run.limits) {
      line(first ? "limits" : "", limit_text(*running_, limit));
      first = false;
    }
  }
  void tell_of_head(std::string_view label, const std::string& bytes) {
    std::string_view head = std::string_view(bytes).substr(0, bytes.find("\r\n\r\n"));
    bool first = true;
    while (!head.empty()) {
      const size_t end = head.find("\r\n");
      line(first ? label : "", std::string(head.substr(0, end)));
      first = false;
      head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    }
  }

  void tell_of_answer(const DryRun& run) {
    if (!run.finished) return line("answer", "none: something waits that does not come here");
    if (run.answer.empty()) return line("answer", "none: the connection is closed");
    if (!run.sent.empty()) return line("answer", "the peer's");
    tell_of_head("answer", run.answer);
  }

  const config::Model& model_;
  const ExplainRequest& request_;
  const RunningFacts* const running_;  // null: the configuration alone
  Url url_;
  std::string out_;
};

}  // namespace

std::string fault_of(const ExplainRequest& request) {
  const auto breaks = [](const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; };
  for (const std::string& header : request.headers)
    if (header.find(':') == std::string::npos || breaks(header)) return "-H '" + header + "' is no NAME: VALUE";
  for (const std::string& cookie : request.cookies)
    if (breaks(cookie)) return "--cookie '" + cookie + "' is no NAME=VALUE";
  if (request.method.empty() || !std::all_of(request.method.begin(), request.method.end(), is_tchar))
    return "--method " + request.method + " is none";
  return "";
}

Result<std::string> explain(const config::Model& model, const ExplainRequest& request) {
  return Explanation(model, request, nullptr).run();
}

Result<std::string> explain(const RunningFacts& running, const ExplainRequest& request) {
  return Explanation(*running.model, request, &running).run();
}

}  // namespace weir::runtime
