// The run gives the decisions; explain_route.cc and explain_peers.cc say why.
#include "runtime/explain.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/arena.h"
#include "base/bytes.h"
#include "proxy/arrival_step.h"
#include "runtime/dry_run.h"
#include "runtime/explain_peers.h"
#include "runtime/explain_route.h"
#include "runtime/explain_text.h"
#include "runtime/names.h"
#include "runtime/running_facts.h"
#include "runtime/running_text.h"
#include "runtime/site_builder.h"

namespace weir::runtime {
namespace {

using config::ListenModel;
using config::ServerModel;

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
    const Result<DryRun> done = dry_run(built.site, {listen->address, request_.client, request_bytes()});
    if (!done) return Unexpected{done.error()};
    const DryRun& run = *done;

    out_.line("request", request_.method + " " + request_.url + " from " + request_.client.ip());
    tell_of_listen(*listen);
    const ServerModel& server = tell_of_server(out_, model_, *listen, url_.name);
    tell_of_steps(out_, run);
    tell_of_location(out_, server, run);
    if (running_ != nullptr) tell_of_limits(run);
    tell_of_peers(out_, running_, *built.site, server, run);
    tell_of_answer(run);
    return out_.take();
  }

 private:
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
    out_.line("listen", text);
  }

  void tell_of_limits(const DryRun& run) {
    bool first = true;
    for (const DryRun::Limit& limit : run.limits) {
      out_.line(first ? "limits" : "", limit_text(*running_, limit));
      first = false;
    }
  }
  void tell_of_answer(const DryRun& run) {
    if (!run.finished) return out_.line("answer", "none: something waits that does not come here");
    if (run.answer.empty()) return out_.line("answer", "none: the connection is closed");
    if (!run.sent.empty()) return out_.line("answer", "the peer's");
    tell_of_head(out_, "answer", run.answer);
  }

  const config::Model& model_;
  const ExplainRequest& request_;
  const RunningFacts* const running_;  // null: the configuration alone
  Url url_;
  ExplainText out_;
};

}  // namespace

std::string fault_of(const ExplainRequest& request) {
  const auto breaks = [](const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; };
  for (const std::string& header : request.headers)
    if (header.find(':') == std::string::npos || breaks(header)) return "-H '" + header + "' is no NAME: VALUE";
  for (const std::string& cookie : request.cookies)
    if (cookie.find('=') == std::string::npos || cookie.front() == '=' || breaks(cookie))
      return "--cookie '" + cookie + "' is no NAME=VALUE";
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
