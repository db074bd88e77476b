// A host that only the request names: who may be asked for it, waiting for the answer, and what becomes of the request
// without one.
#include "base/log.h"
#include "proxy/cache_content.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/pass_resolver.h"
#include "proxy/pass_url.h"
#include "proxy/proxy_content.h"
#include "proxy/run_time_upstreams.h"

namespace weir::proxy {
namespace {

constexpr int kBadGateway = 502, kInternal = 500;

}  // namespace

// The statuses are nginx's: 500 for what is no address at all, 502 for a host that cannot be had.
int ProxyContent::find_run_time_target(const PassUrl& url, const ProxyPass& pass) {
  const auto refuse = [&](int status, std::string_view why, std::string_view what) {
    LogLimit& limit = x_.server().log->no_upstream;
    if (limit.pass(core_.loop().now()))
      log::error("location ", location().pattern, ": ", why, " ", what, " (connection ",
                 downstream().connection().number, ")", limit.dropped());
    return status;
  };
  if (url.scheme == PassUrl::Scheme::kNone) return refuse(kInternal, "invalid URL prefix in proxy_pass", url.authority);
  if (url.authority.empty()) return refuse(kInternal, "no host in proxy_pass", {});
  if (!url.is_valid()) return refuse(kInternal, "invalid port in upstream", url.authority);
  // A socket of this machine is never a client's to name.
  if (url.is_socket()) return refuse(kBadGateway, "no upstream", url.authority);
  if (pass.resolver == nullptr) return refuse(kBadGateway, "no resolver defined to resolve", bare_host(url.authority));
  state_.cluster = nullptr;
  return 0;
}

void ProxyContent::ask_for_name() {
  const std::shared_ptr<const PassResolver>& resolver = location().pass->resolver;
  RunTimeName name{bare_host(state_.host), state_.port, {}};
  name.key = RunTimeUpstreams::key_of(name.host, name.port, *resolver, arena());
  if (RunTimeUpstream* known = core_.run_time_upstreams().find(name)) return begin_with(*known);
  waiting_ = Waiting::kName;
  core_.loop().arm(deadline_, core_.loop().now() + resolver->question.timeout.count());
  wait_token_ = std::make_shared<ProxyContent*>(this);
  core_.run_time_upstreams().ask(
      name, resolver,
      [token = std::weak_ptr<ProxyContent*>(wait_token_)](RunTimeUpstream* found, const std::string& why) {
        if (const auto content = token.lock()) (*content)->on_name(found, why);
      });
}

void ProxyContent::on_name(RunTimeUpstream* found, const std::string& why) {
  if (found == nullptr) return name_failed(why);
  waiting_ = Waiting::kNothing;
  deadline_.cancel();
  wait_token_.reset();
  begin_with(*found);
}

void ProxyContent::begin_with(RunTimeUpstream& found) {
  core_.run_time_upstreams().hold(found);
  state_.run_time = &found;
  state_.cluster = &found.worker;
  begin_attempts();
}

// Nobody's fault but the name's: no peer is blamed, for there is none.
void ProxyContent::name_failed(std::string_view why) {
  waiting_ = Waiting::kNothing;
  deadline_.cancel();
  wait_token_.reset();
  LogLimit& limit = x_.server().log->names;
  if (limit.pass(core_.loop().now()))
    log::error("location ", location().pattern, ": ", state_.host, " could not be resolved (", why, "; connection ",
               downstream().connection().number, ")", limit.dropped());
  record_no_attempt(ErrorKind::kNameUnresolved, arena().copy(state_.host), kBadGateway);
  if (state_.cache != nullptr && state_.cache->stands_in(ErrorKind::kNameUnresolved)) {
    x_.serve_stored();
    return;
  }
  x_.answer(kBadGateway);
}

}  // namespace weir::proxy
