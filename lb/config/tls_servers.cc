// TLS of all servers together: which addresses speak it, who has a certificate there, and the contexts made of them.
#include <algorithm>
#include <map>
#include <set>

#include "config/builder.h"
#include "io/tls_context.h"

namespace weir::config {
namespace {

using Setting = io::TlsFault::Setting;

class TlsServers {
 public:
  explicit TlsServers(Builder& builder) : builder_(builder), servers_(builder.model().servers) {}

  void finish() {
    find_addresses();
    for (ServerModel& server : servers_) {
      const bool speaks_tls =
          std::any_of(server.listens.begin(), server.listens.end(), [](const ListenModel& each) { return each.ssl; });
      if (speaks_tls) make_context(server);
    }
    for (const auto& [address, first] : addresses_) check_address(address);
    check_zones();
  }

 private:
  // One that says so makes the address speak TLS for all that listen there.
  void find_addresses() {
    for (const ServerModel& server : servers_)
      for (const ListenModel& listen : server.listens)
        if (listen.ssl) addresses_.emplace(key(listen), &listen);
    for (ServerModel& server : servers_) {
      for (ListenModel& listen : server.listens) {
        const auto first = addresses_.find(key(listen));
        if (first == addresses_.end() || listen.ssl) continue;
        warning(listen.at,
                listen.written + " is a TLS port for this server too, because of " + first->second->position);
        listen.ssl = true;
      }
    }
  }
  static std::string key(const ListenModel& listen) {
    return listen.address.port() == 0 && !listen.address.is_unix() ? listen.position : listen.address.to_string();
  }

  void error(const Position& at, std::string text) { builder_.diagnostics().error(at, std::move(text)); }
  void warning(const Position& at, std::string text) { builder_.diagnostics().warning(at, std::move(text)); }

  Position place(const ServerModel& server, Setting setting, size_t index) const {
    const auto& written = server.tls.written;
    if (const auto at = written.find({setting, index}); at != written.end()) return at->second;
    return server.at;
  }

  void make_context(ServerModel& server) {
    TlsModel& tls = server.tls;
    io::TlsOptions& options = tls.options;
    options.note_offer = builder_.names().asks_for_tls_offer();
    options.certificates.clear();
    if (tls.keys.size() > tls.certificates.size())
      return error(place(server, Setting::kKey, tls.certificates.size()), "this key has no \"ssl_certificate\"");
    for (size_t i = 0; i < tls.certificates.size(); ++i) {
      if (i >= tls.keys.size())
        return error(place(server, Setting::kCertificate, i),
                     "no \"ssl_certificate_key\" is defined for this certificate");
      options.certificates.push_back({tls.certificates[i], tls.keys[i]});
    }
    if ((options.verify_client == io::VerifyClient::kOn || options.verify_client == io::VerifyClient::kOptional) &&
        options.client_certificate.empty() && options.trusted_certificate.empty())
      return error(place(server, Setting::kClientCertificate, 1),
                   "no \"ssl_client_certificate\" is defined for \"ssl_verify_client\"");
    if (options.certificates.empty()) return;
    io::TlsReport report;
    server.tls_context = io::TlsContext::make(options, scope_of(server), builder_.file_reader(), report);
    for (const io::TlsFault& fault : report.errors) show(server, fault, true);
    for (const io::TlsFault& fault : report.warnings) show(server, fault, false);
    if (server.tls_context != nullptr) check_names(server);
  }

  // A certificate that is inherited by a hundred servers is reported once.
  void show(const ServerModel& server, const io::TlsFault& fault, bool is_error) {
    const Position at = place(server, fault.setting, fault.index);
    if (!shown_.insert(at.to_string() + fault.text).second) return;
    is_error ? error(at, fault.text) : warning(at, fault.text);
  }

  // The names and addresses of a virtual server: what its sessions are bound to, on every node and over reloads.
  static std::string scope_of(const ServerModel& server) {
    std::string scope;
    for (const std::string& name : server.names) scope += name + " ";
    for (const ListenModel& listen : server.listens) scope += "|" + listen.written;
    return scope;
  }

  void check_names(const ServerModel& server) {
    const auto facts = server.tls_context->certificates();
    for (const std::string& name : server.names) {
      if (name.empty() || name == "_" || name.starts_with('~') || name.ends_with(".*")) continue;
      const bool covered = std::any_of(facts.begin(), facts.end(), [&name](const io::CertificateFacts& each) {
        return io::certificate_covers(each, name);
      });
      if (!covered)
        warning(place(server, Setting::kCertificate, 0),
                "no certificate of this server is for its name \"" + name + "\"");
    }
  }

  // As nginx: the default server has a certificate, or rejects handshakes and all others have one.
  void check_address(const std::string& address) {
    const ServerModel* fallback = nullptr;
    std::vector<std::pair<const ServerModel*, const ListenModel*>> all;
    const ListenModel* fallback_listen = nullptr;
    for (const ServerModel& server : servers_) {
      for (const ListenModel& listen : server.listens) {
        if (key(listen) != address) continue;
        all.emplace_back(&server, &listen);
        if (fallback == nullptr || (listen.default_server && !fallback_listen->default_server)) {
          fallback = &server;
          fallback_listen = &listen;
        }
      }
    }
    const auto complain = [this](const ListenModel& listen) {
      error(listen.at, "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive");
    };
    if (!fallback->tls.certificates.empty()) return;
    if (!fallback->tls.options.reject_handshake) return complain(*fallback_listen);
    for (const auto& [server, listen] : all)
      if (server->tls.certificates.empty() && !server->tls.options.reject_handshake) complain(*listen);
  }

  void check_zones() {
    std::map<std::string, int64_t> sizes;
    for (const ServerModel& server : servers_) {
      const io::TlsOptions& options = server.tls.options;
      if (options.cache != io::TlsSessionCacheKind::kShared) continue;
      const auto [known, fresh] = sizes.emplace(options.cache_zone, options.cache_bytes);
      if (!fresh && known->second != options.cache_bytes)
        error(server.at, "session cache \"" + options.cache_zone + "\" has another size in another server");
    }
  }

  Builder& builder_;
  std::vector<ServerModel>& servers_;
  std::map<std::string, const ListenModel*> addresses_;  // that speak TLS, and who says so
  std::set<std::string> shown_;
};

}  // namespace

void finish_tls(Builder& builder) {
  TlsServers(builder).finish();
}

}  // namespace weir::config
