// proxy_ssl_*: how peers behind https:// are reached. tls_peers.cc makes what they say together.
#include "config/builder.h"
#include "config/fields.h"
#include "config/tls_words.h"

namespace weir::config {
namespace {

using io::TlsCertificateFiles;
using io::TlsPeerOptions;
using proxy::Location;
using proxy::PassTls;
using Setting = io::TlsFault::Setting;
constexpr auto kLoc = &Level::location;
constexpr auto kTls = &Location::tls;
constexpr auto kOptions = &PassTls::options;
constexpr auto kPair = &TlsPeerOptions::certificate;

// Where a value stands, so that what is wrong with it is shown there once it is used.
void note(const Call& call, Setting setting, size_t index = 0) {
  call.scope.level->tls_to_peers.written[{setting, index}] = call.directive.args.front().at;
}

void apply_verify(Call& call) {
  apply_flag<kLoc, kTls, kOptions, &TlsPeerOptions::verify>(call);
  call.scope.level->tls_to_peers.verify_at = call.directive.at;
}

void apply_name(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a name");
  if (auto compiled = call.compile(0)) call.scope.level->location.tls.name = std::move(*compiled);
}
std::vector<std::string> show_name(const Scope& scope) {
  const route::Template& name = scope.level->location.tls.name;
  if (name.empty()) return {};  // its default has variables, and no port
  return {quote_word(name.text())};
}

template <Setting Which, auto... Path>
void apply_file(Call& call) {
  const auto where = tls_source(call, 0);
  if (!where) return;
  note(call, Which);
  field<Path...>(call.scope) = *where;
}
// As nginx: "" shows none where one is inherited.
template <Setting Which, auto... Path>
void apply_own_file(Call& call) {
  if (!call.arg(0).empty()) return apply_file<Which, Path...>(call);
  field<Path...>(call.scope).clear();
}
template <auto... Path>
std::vector<std::string> show_file(const Scope& scope) {
  const std::string& where = field<Path...>(scope);
  return where.empty() ? std::vector<std::string>() : std::vector<std::string>{quote_word(where)};
}

void apply_ciphers(Call& call) {
  note(call, Setting::kCiphers);
  apply_text<kLoc, kTls, kOptions, &TlsPeerOptions::ciphers>(call);
}

void apply_protocols(Call& call) {
  TlsPeerOptions& options = call.scope.level->location.tls.options;
  apply_tls_protocols(call, options.tls12, options.tls13);
  note(call, Setting::kProtocols);
}
std::vector<std::string> show_protocols(const Scope& scope) {
  const TlsPeerOptions& options = scope.level->location.tls.options;
  return {show_tls_protocols(options.tls12, options.tls13)};
}

void apply_conf_command(Call& call) {
  auto& commands = call.scope.level->location.tls.options.conf_commands;
  if (call.first) commands.clear();
  if (call.arg(1).find('$') != std::string::npos)
    return call.error_at(1, "\"proxy_ssl_conf_command\" takes no variables");
  note(call, Setting::kConfCommand, commands.size());
  commands.emplace_back(call.arg(0), call.arg(1));
}
std::vector<std::string> show_conf_commands(const Scope& scope) {
  std::vector<std::string> out;
  for (const auto& [name, value] : scope.level->location.tls.options.conf_commands)
    out.push_back(quote_word(name) + " " + quote_word(value));
  return out;
}

const Row kRows[] = {
    {
        .name = "proxy_ssl_verify",
        .contexts = kAnywhere,
        .kind = {.form = "on | off",
                 .apply = apply_verify,
                 .show = show_flag<kLoc, kTls, kOptions, &TlsPeerOptions::verify>},
        .weir_default = "on",
        .nginx_default = "off",
        .help = "Whether a peer behind https:// shows a certificate for its name that a trusted CA has issued.",
    },
    {
        .name = "proxy_ssl_trusted_certificate",
        .contexts = kAnywhere,
        .kind =
            {.form = "FILE | data:PEM",
             .apply =
                 apply_file<Setting::kTrustedCertificate, kLoc, kTls, kOptions, &TlsPeerOptions::trusted_certificate>,
             .show = show_file<kLoc, kTls, kOptions, &TlsPeerOptions::trusted_certificate>},
        .help = "The CAs of peers, PEM; watched. Without it: those that the system trusts.",
    },
    {
        .name = "proxy_ssl_verify_depth",
        .contexts = kAnywhere,
        .kind = kNumber<kLoc, kTls, kOptions, &TlsPeerOptions::verify_depth>,
        .weir_default = "3",
        .nginx_default = "1",
        .help = "The most CAs between a peer's certificate and a trusted one.",
        .most = 100,
    },
    {
        .name = "proxy_ssl_crl",
        .contexts = kAnywhere,
        .kind = {.form = "FILE | data:PEM",
                 .apply = apply_file<Setting::kCrl, kLoc, kTls, kOptions, &TlsPeerOptions::crl>,
                 .show = show_file<kLoc, kTls, kOptions, &TlsPeerOptions::crl>},
        .help = "Revoked certificates of peers, PEM, of every CA in the chain; watched.",
    },
    {
        .name = "proxy_ssl_name",
        .contexts = kAnywhere,
        .kind = {.form = "NAME", .apply = apply_name, .show = show_name},
        .help = "The name that a peer is asked for and that its certificate is to be for, with variables; its port is "
                "cut off. Default: the host in proxy_pass, which is an upstream's own name.",
    },
    {
        .name = "proxy_ssl_server_name",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kTls, kOptions, &TlsPeerOptions::server_name>,
        .weir_default = "on",
        .nginx_default = "off",
        .help = "Whether the name is sent to the peer (SNI).",
    },
    {
        .name = "proxy_ssl_certificate",
        .contexts = kAnywhere,
        .kind =
            {.form = "FILE | data:PEM",
             .apply =
                 apply_own_file<Setting::kCertificate, kLoc, kTls, kOptions, kPair, &TlsCertificateFiles::certificate>,
             .show = show_file<kLoc, kTls, kOptions, kPair, &TlsCertificateFiles::certificate>},
        .help = "weir's own certificate and its chain, for peers that ask for one; watched. \"\": none.",
    },
    {
        .name = "proxy_ssl_certificate_key",
        .contexts = kAnywhere,
        .kind = {.form = "FILE | data:PEM",
                 .apply = apply_own_file<Setting::kKey, kLoc, kTls, kOptions, kPair, &TlsCertificateFiles::key>,
                 .show = show_file<kLoc, kTls, kOptions, kPair, &TlsCertificateFiles::key>},
        .help = "Its key.",
    },
    {
        .name = "proxy_ssl_password_file",
        .contexts = kAnywhere,
        .kind = {.form = "FILE",
                 .apply = apply_file<Setting::kPasswords, kLoc, kTls, kOptions, &TlsPeerOptions::password_file>,
                 .show = show_file<kLoc, kTls, kOptions, &TlsPeerOptions::password_file>},
        .help = "Passphrases of an encrypted key, one a line.",
    },
    {
        .name = "proxy_ssl_protocols",
        .contexts = kAnywhere,
        .kind = {.form = "TLSv1.2 | TLSv1.3 ...", .most_args = -1, .apply = apply_protocols, .show = show_protocols},
        .weir_default = "TLSv1.2 TLSv1.3",
        .nginx_default = "TLSv1.2 TLSv1.3",
        .help = "What is spoken to peers.",
    },
    {
        .name = "proxy_ssl_ciphers",
        .contexts = kAnywhere,
        .kind = {.form = "LIST",
                 .apply = apply_ciphers,
                 .show = show_text<kLoc, kTls, kOptions, &TlsPeerOptions::ciphers>},
        .weir_default = "DEFAULT",
        .nginx_default = "DEFAULT",
        .help = "Of TLS 1.2, as OpenSSL writes them.",
    },
    {
        .name = "proxy_ssl_session_reuse",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kTls, &PassTls::session_reuse>,
        .weir_default = "on",
        .nginx_default = "on",
        .help =
            "Whether a new connection goes on with the session of one before it. Sessions are of one peer, name and "
            "set of CAs.",
    },
    {
        .name = "proxy_ssl_conf_command",
        .contexts = kAnywhere,
        .kind = {.form = "NAME VALUE",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_conf_command,
                 .show = show_conf_commands},
        .help = "A command of OpenSSL (SSL_CONF_cmd) for peers: Ciphersuites, Options, SignatureAlgorithms ...",
        .times = Times::kMany,
    },
};

}  // namespace

std::span<const Row> tls_peer_rows() {
  return kRows;
}

}  // namespace weir::config
