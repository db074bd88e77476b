// TLS towards peers as a location needs it: the context of its settings, what is doubtful about them, and the checks of
// the upstreams that are reached so.
#include <algorithm>

#include "config/builder.h"
#include "io/tls_peer_context.h"
#include "proxy/pass_url.h"

namespace weir::config {
namespace {

using Setting = io::TlsFault::Setting;

}  // namespace

std::shared_ptr<const io::TlsPeerContext> Builder::tls_context_to_peers(const Level& level) {
  const io::TlsPeerOptions& options = level.location.tls.options;
  const TlsToPeers& places = level.tls_to_peers;
  const auto place = [&](Setting setting, size_t index) {
    const auto at = places.written.find({setting, index});
    return at != places.written.end() && at->second.file != nullptr ? at->second : places.pass_at;
  };
  const auto show = [&](const Position& at, const std::string& text, bool is_error) {
    if (!shown_.insert(at.to_string() + text).second) return;
    is_error ? diagnostics_.error(at, text) : diagnostics_.warning(at, text);
  };
  if (!options.certificate.certificate.empty() && options.certificate.key.empty()) {
    show(place(Setting::kCertificate, 0), "no \"proxy_ssl_certificate_key\" is defined for this certificate", true);
    return nullptr;
  }
  if (!options.verify)
    show(places.verify_at.file != nullptr ? places.verify_at : places.pass_at,
         "peers behind https:// are not verified: whoever is on the way can read and change all bytes "
         "(\"proxy_ssl_verify on\" is weir's default)",
         false);
  auto& known = tls_peer_contexts_[io::TlsPeerContext::settings_of(options)];
  if (known != nullptr) return known;
  io::TlsReport report;
  known = io::TlsPeerContext::make(options, read_file_, report);
  for (const io::TlsFault& fault : report.errors) show(place(fault.setting, fault.index), fault.text, true);
  for (const io::TlsFault& fault : report.warnings) show(place(fault.setting, fault.index), fault.text, false);
  if (known != nullptr) model_.tls_to_peers.push_back(known);
  return known;
}

void Builder::finish_tls_to_peers(Level& level) {
  proxy::PassTls& tls = level.location.tls;
  const TlsToPeers& places = level.tls_to_peers;
  if (!level.location.pass || places.targets.empty()) {
    if (level.location.pass && level.location.pass->tls && tls.context == nullptr)
      tls.context = tls_context_to_peers(level);
    return;
  }
  if (level.location.pass->tls) tls.context = tls_context_to_peers(level);
  for (const PassTarget& target : places.targets) {
    TlsPass pass{target, target.tls ? tls.context : nullptr, {}, places.pass_at};
    if (target.tls) {
      const bool is_fixed = !tls.name.empty() && tls.name.is_literal();
      pass.name = proxy::tls_name_of(is_fixed ? tls.name.text() : target.host);
      if (is_fixed && tls.context != nullptr && !tls.context->takes_name(pass.name))
        diagnostics_.error(places.pass_at, "\"" + tls.name.text() + "\" of \"proxy_ssl_name\" is no name for TLS");
      const UpstreamModel& upstream = model_.upstreams[static_cast<size_t>(target.cluster)];
      const std::string quoted = "upstream \"" + upstream.name + "\"";
      if (!upstream.implicit && tls.options.verify && tls.name.empty() && pass.name.find('.') == std::string::npos)
        diagnostics_.warning(places.pass_at, "the peers of " + quoted + " are asked for a certificate for \"" +
                                                 pass.name + "\": \"proxy_ssl_name\" is for another name");
      for (const UpstreamServer& server : upstream.servers)
        if (!upstream.implicit && server.port == 80 && !server.options.address.is_unix() && server.service.empty())
          diagnostics_.warning(places.pass_at,
                               "\"" + server.written + "\" of " + quoted + " is spoken to in TLS, at port 80");
    }
    tls_passes_.push_back(std::move(pass));
  }
  level.tls_to_peers.targets.clear();  // once
}

void Builder::settle_tls_checks() {
  for (size_t i = 0; i < model_.upstreams.size(); ++i) {
    UpstreamModel& upstream = model_.upstreams[i];
    if (upstream.checks.empty()) continue;
    const TlsPass* first = nullptr;
    const TlsPass* clear = nullptr;
    bool alike = true;
    for (const TlsPass& each : tls_passes_) {
      if (each.target.cluster != static_cast<int>(i)) continue;
      if (each.context == nullptr) {
        clear = &each;
      } else if (first == nullptr) {
        first = &each;
      } else {
        alike = alike && each.name == first->name && each.context == first->context;
      }
    }
    if (first == nullptr) continue;
    const std::string quoted = "the health_check of upstream \"" + upstream.name + "\"";
    for (upstream::CheckOptions& check : upstream.checks) {
      if (check.type == upstream::CheckType::kTcp || check.tls != nullptr) continue;
      if (clear != nullptr) {
        diagnostics_.warning(first->at,
                             quoted + " asks in clear, as \"http://\" leads to it too: write it in location{}");
        break;
      }
      if (!alike)
        diagnostics_.warning(first->at, quoted + " asks as this location does, others reach it with another " +
                                            "proxy_ssl_name or other settings: write it in location{}");
      alike = true;  // once
      check.tls = first->context;
      check.tls_name = first->name;
    }
  }
}

}  // namespace weir::config
