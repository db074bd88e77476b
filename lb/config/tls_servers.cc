// TLS of all servers together: which addresses speak it, who has a certificate there, and the contexts made of them.
#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <tuple>

#include "base/bytes.h"
#include "config/builder.h"
#include "io/tls_context.h"
#include "io/tls_self_signed.h"

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
    show_excused();
    check_zones();
    check_terms();
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
    if (tls.own == TlsModel::Own::kSelfSigned && !sign(server)) return;
    if (tls.own == TlsModel::Own::kAutomatic && !expect(server)) return;
    if (tls.keys.size() > tls.certificates.size())
      return error(place(server, Setting::kKey, tls.certificates.size()), "this key has no \"ssl_certificate\"");
    for (size_t i = 0; i < tls.certificates.size(); ++i) {
      if (i >= tls.keys.size())
        return error(place(server, Setting::kCertificate, i),
                     "no \"ssl_certificate_key\" is defined for this certificate");
      options.certificates.push_back({tls.certificates[i], tls.keys[i]});
      options.certificates.back().may_be_missing = builder_.forgives_missing_certificates();
    }
    if ((options.verify_client == io::VerifyClient::kOn || options.verify_client == io::VerifyClient::kOptional) &&
        options.client_certificate.empty() && options.trusted_certificate.empty())
      return error(place(server, Setting::kClientCertificate, 1),
                   "no \"ssl_client_certificate\" is defined for \"ssl_verify_client\"");
    if (options.certificates.empty()) return;
    io::TlsReport report;
    server.tls_context = io::TlsContext::make(options, scope_of(server), builder_.file_reader(), report);
    for (const io::TlsFault& fault : report.errors) show(server, fault, true);
    const bool is_automatic = tls.own == TlsModel::Own::kAutomatic;
    for (const io::TlsFault& fault : report.warnings) {
      if (!fault.forgiven)
        show(server, fault, false);
      else if (!is_automatic)
        excused_.push_back({place(server, fault.setting, fault.index), fault.text});
    }
    if (server.tls_context == nullptr) return;
    if (server.tls_context->ready()) return check_names(server);
    if (is_automatic)
      warning(place(server, Setting::kCertificate, 0), "there is no certificate for \"" +
                                                           certifiable(names_of(server)).front() +
                                                           "\" yet: handshakes are refused until it has come by ACME");
  }

  // The names that the directive or else the server has and that a certificate can be for.
  static std::vector<std::string> names_of(const ServerModel& server) {
    std::vector<std::string> names;
    const auto add = [&names](const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const std::string& each : server.tls.own_names.empty() ? server.names : server.tls.own_names) {
      if (each.empty() || each == "_" || each.starts_with('~') || each.ends_with(".*")) continue;
      if (each.starts_with('.')) {
        add(lowered(each.substr(1)));
        add("*" + lowered(each));
      } else {
        add(lowered(each));
      }
    }
    return names;
  }

  // Without wildcards.
  static std::vector<std::string> certifiable(std::vector<std::string> names) {
    std::erase_if(names, [](const std::string& each) { return each[0] == '*'; });
    return names;
  }

  bool sign(ServerModel& server) {
    std::vector<std::string> names = names_of(server);
    if (names.empty()) names = {"localhost", "127.0.0.1", "::1"};
    io::SelfSignedBook fresh;
    io::SelfSignedBook& book = builder_.self_signed() != nullptr ? *builder_.self_signed() : fresh;
    const auto made = book.find(names, static_cast<int64_t>(std::time(nullptr)));
    if (!made) {
      error(place(server, Setting::kCertificate, 0), "no self-signed certificate: " + made.error());
      return false;
    }
    server.tls.options.certificates.push_back(
        {"data:" + made->certificate, "data:" + made->key, "self-signed:" + names.front()});
    return true;
  }

  // A certificate that is there already, or will be.
  bool expect(ServerModel& server) {
    const Position at = place(server, Setting::kCertificate, 0);
    const std::vector<std::string> all = names_of(server);
    const std::vector<std::string> names = certifiable(all);
    if (names.size() < all.size())
      warning(at, "wildcards are left out: they are only proved by DNS records, which weir does not write");
    if (names.empty()) {
      error(at, "\"ssl_certificate_auto\" needs a name, and this server has none that a certificate can be for");
      return false;
    }
    for (const std::string& each : names) {
      if (acme::is_certifiable(each)) continue;
      error(at, "\"" + each + "\" is no name that a CA gives a certificate for");
      return false;
    }
    Model& model = builder_.model();
    const std::string file = acme::certificate_file(model.main.acme, names);
    server.tls.options.certificates.push_back({file, file, "", true});
    const acme::AcmeCertificate wanted{names};
    if (std::find(model.acme_certificates.begin(), model.acme_certificates.end(), wanted) ==
        model.acme_certificates.end())
      model.acme_certificates.push_back(wanted);
    return true;
  }

  // "A missing certificate never keeps the other servers from starting": if there is another.
  void show_excused() {
    const bool any_serves = std::any_of(servers_.begin(), servers_.end(), [](const ServerModel& server) {
      return (server.tls_context != nullptr && server.tls_context->ready()) ||
             std::any_of(server.listens.begin(), server.listens.end(), [](const auto& each) { return !each.ssl; });
    });
    for (const auto& [at, text] : excused_) {
      if (!shown_.insert(at.to_string() + text).second) continue;
      any_serves ? warning(at, text + "; other servers start, this one refuses handshakes until it is there")
                 : error(at, text);
    }
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
    for (const auto& [server, listen] : all)
      if (!server->tls.has_certificate()) check_borrower(*server, *fallback);
    if (fallback->tls.has_certificate()) return;
    if (!fallback->tls.options.reject_handshake) return complain(*fallback_listen);
    for (const auto& [server, listen] : all)
      if (!server->tls.has_certificate() && !server->tls.options.reject_handshake) complain(*listen);
  }

  // A server without a certificate is reached by handshakes of the default server: its own settings mean nothing. As
  // those say whose certificates clients may show, that would let in whom it does not trust.
  void check_borrower(const ServerModel& server, const ServerModel& fallback) {
    const io::TlsOptions& own = server.tls.options;
    const io::TlsOptions& used = fallback.tls.options;
    if (&server == &fallback || own.reject_handshake) return;
    const auto trust = [](const io::TlsOptions& of) {
      return std::tie(of.client_certificate, of.trusted_certificate, of.crl, of.verify_depth);
    };
    if (own.verify_client != io::VerifyClient::kOff &&
        (used.verify_client == io::VerifyClient::kOff || trust(own) != trust(used)))
      return show(server,
                  {Setting::kClientCertificate, 1,
                   "\"ssl_verify_client\" needs an \"ssl_certificate\" of this server: without one clients are "
                   "verified by the settings of the default server"},
                  true);
    const auto rest = [](const io::TlsOptions& of) {
      return std::tie(of.tls12, of.tls13, of.ciphers, of.prefer_server_ciphers, of.curves, of.dhparam,
                      of.conf_commands);
    };
    if (rest(own) != rest(used))
      show(server,
           {Setting::kCertificate, 0,
            "this server has no \"ssl_certificate\": its protocols, ciphers and curves are not in force, but "
            "those of the default server"},
           false);
  }

  void check_terms() {
    const Model& model = builder_.model();
    const auto first = std::find_if(servers_.begin(), servers_.end(), [](const ServerModel& server) {
      return server.tls.own == TlsModel::Own::kAutomatic && server.tls_context != nullptr;
    });
    if (first == servers_.end() || model.main.acme.terms != acme::Terms::kImplied) return;
    warning(place(*first, Setting::kCertificate, 0),
            "by \"ssl_certificate_auto\" you agree to the terms of the CA at " + model.main.acme.directory +
                " (\"acme_accept_terms on;\" silences this)");
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
  std::vector<std::pair<Position, std::string>> excused_;  // faults of certificates that may be missing
};

}  // namespace

void finish_tls(Builder& builder) {
  TlsServers(builder).finish();
}

}  // namespace weir::config
