// ssl_*: certificates, protocols, ciphers, and who may come. Sessions are in tls_session_directives.cc.
#include "config/builder.h"
#include "config/fields.h"
#include "config/tls_words.h"

namespace weir::config {
namespace {

using io::TlsOptions;
using Setting = io::TlsFault::Setting;

// Where a value stands, so that what is wrong with it is shown there once it is used.
void note(const Call& call, Setting setting, size_t index, size_t argument) {
  call.scope.level->tls.written[{setting, index}] = call.directive.args[argument].at;
}

template <std::vector<std::string> TlsModel::*List, Setting Which>
void apply_source(Call& call) {
  TlsModel& tls = call.scope.level->tls;
  std::vector<std::string>& list = tls.*List;
  if (call.first) list.clear();
  tls.own = TlsModel::Own::kNone;  // inherited, or a fault that is named there
  tls.own_names.clear();
  const auto where = tls_source(call, 0);
  if (!where) return;
  note(call, Which, list.size(), 0);
  list.push_back(*where);
}
template <std::vector<std::string> TlsModel::*List>
std::vector<std::string> show_sources(const Scope& scope) {
  std::vector<std::string> out;
  for (const std::string& each : scope.level->tls.*List) out.push_back(quote_word(each));
  return out;
}

template <std::string TlsOptions::*Field, Setting Which>
void apply_file(Call& call) {
  const auto where = tls_source(call, 0);
  if (!where) return;
  note(call, Which, 0, 0);
  call.scope.level->tls.options.*Field = *where;
}
template <std::string TlsOptions::*Field>
std::vector<std::string> show_file(const Scope& scope) {
  const std::string& where = scope.level->tls.options.*Field;
  return where.empty() ? std::vector<std::string>() : std::vector<std::string>{quote_word(where)};
}
template <std::string TlsOptions::*Field, Setting Which>
constexpr Kind kSource{.form = "FILE", .apply = apply_file<Field, Which>, .show = show_file<Field>};

template <std::string TlsOptions::*Field, Setting Which>
void apply_list(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a list");
  note(call, Which, 0, 0);
  call.scope.level->tls.options.*Field = call.arg(0);
}
template <std::string TlsOptions::*Field>
std::vector<std::string> show_list(const Scope& scope) {
  return {quote_word(scope.level->tls.options.*Field)};
}

void apply_protocols(Call& call) {
  TlsOptions& options = call.scope.level->tls.options;
  apply_tls_protocols(call, options.tls12, options.tls13);
  note(call, Setting::kProtocols, 0, 0);
}
std::vector<std::string> show_protocols(const Scope& scope) {
  const TlsOptions& options = scope.level->tls.options;
  return {show_tls_protocols(options.tls12, options.tls13)};
}

void apply_conf_command(Call& call) {
  auto& commands = call.scope.level->tls.options.conf_commands;
  if (call.first) commands.clear();
  if (call.arg(1).find('$') != std::string::npos) return call.error_at(1, "\"ssl_conf_command\" takes no variables");
  note(call, Setting::kConfCommand, commands.size(), 0);
  commands.emplace_back(call.arg(0), call.arg(1));
}
std::vector<std::string> show_conf_commands(const Scope& scope) {
  std::vector<std::string> out;
  for (const auto& [name, value] : scope.level->tls.options.conf_commands)
    out.push_back(quote_word(name) + " " + quote_word(value));
  return out;
}

constexpr std::string_view kVerifyWords[] = {"off", "on", "optional", "optional_no_ca"};

void apply_verify_client(Call& call) {
  for (size_t i = 0; i < std::size(kVerifyWords); ++i) {
    if (call.arg(0) != kVerifyWords[i]) continue;
    call.scope.level->tls.options.verify_client = static_cast<io::VerifyClient>(i);
    note(call, Setting::kClientCertificate, 1, 0);  // shown where a CA is missing
    return;
  }
  call.invalid(0, "on, off, optional or optional_no_ca");
}
std::vector<std::string> show_verify_client(const Scope& scope) {
  return {std::string(kVerifyWords[static_cast<size_t>(scope.level->tls.options.verify_client)])};
}

void apply_early_data(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  if (*on) call.error_at(0, "\"ssl_early_data on\" is not supported by weir: early data can be sent again by others");
}

void apply_responder(Call& call) {
  const std::string& url = call.arg(0);
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return call.invalid(0, "a URL like http://ocsp.example/");
  call.scope.level->tls.options.stapling_responder = url;
}

const Row kRows[] = {
    {
        .name = "ssl_certificate",
        .contexts = kHttp | kServer,
        .kind = {.form = "FILE | data:PEM",
                 .apply = apply_source<&TlsModel::certificates, Setting::kCertificate>,
                 .show = show_sources<&TlsModel::certificates>},
        .help = "A certificate and its chain, PEM; several for several types of keys. Watched: a changed file is used "
                "without a reload.",
        .times = Times::kMany,
    },
    {
        .name = "ssl_certificate_key",
        .contexts = kHttp | kServer,
        .kind = {.form = "FILE | data:PEM",
                 .apply = apply_source<&TlsModel::keys, Setting::kKey>,
                 .show = show_sources<&TlsModel::keys>},
        .help = "The key of the certificate of the same place in order.",
        .times = Times::kMany,
    },
    {
        .name = "ssl_password_file",
        .contexts = kHttp | kServer,
        .kind = kSource<&TlsOptions::password_file, Setting::kPasswords>,
        .help = "Passphrases of encrypted keys, one a line.",
    },
    {
        .name = "ssl_protocols",
        .contexts = kHttp | kServer,
        .kind = {.form = "TLSv1.2 | TLSv1.3 ...", .most_args = -1, .apply = apply_protocols, .show = show_protocols},
        .weir_default = "TLSv1.2 TLSv1.3",
        .nginx_default = "TLSv1.2 TLSv1.3",
        .help = "What is spoken. Older ones are named and left out.",
    },
    {
        .name = "ssl_ciphers",
        .contexts = kHttp | kServer,
        .kind = {.form = "LIST",
                 .apply = apply_list<&TlsOptions::ciphers, Setting::kCiphers>,
                 .show = show_list<&TlsOptions::ciphers>},
        .weir_default = TlsOptions::kCiphers,
        .nginx_default = "HIGH:!aNULL:!MD5",
        .help = "Of TLS 1.2, as OpenSSL writes them. weir's own: forward secrecy and authenticated encryption only.",
    },
    {
        .name = "ssl_prefer_server_ciphers",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::tls, &TlsModel::options, &TlsOptions::prefer_server_ciphers>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether the server's order of ciphers decides, or the client's.",
    },
    {
        .name = "ssl_conf_command",
        .contexts = kHttp | kServer,
        .kind = {.form = "NAME VALUE",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_conf_command,
                 .show = show_conf_commands},
        .help = "A command of OpenSSL (SSL_CONF_cmd): Ciphersuites, Options, SignatureAlgorithms ...",
        .times = Times::kMany,
    },
    {
        .name = "ssl_dhparam",
        .contexts = kHttp | kServer,
        .kind = kSource<&TlsOptions::dhparam, Setting::kDhparam>,
        .help = "Parameters for DHE ciphers, which weir's own list has none of.",
    },
    {
        .name = "ssl_ecdh_curve",
        .contexts = kHttp | kServer,
        .kind = {.form = "LIST",
                 .apply = apply_list<&TlsOptions::curves, Setting::kCurves>,
                 .show = show_list<&TlsOptions::curves>},
        .weir_default = "auto",
        .nginx_default = "auto",
        .help = "Curves for the exchange of keys, in order: X25519:prime256v1; auto: OpenSSL's.",
    },
    {
        .name = "ssl_buffer_size",
        .contexts = kHttp | kServer,
        .kind = kSize<&Level::tls, &TlsModel::options, &TlsOptions::record_bytes>,
        .weir_default = "16k",
        .nginx_default = "16k",
        .help = "The most of one record. A connection that was silent begins with records of 4k.",
        .least = 512,
        .most = 16 * 1024,
    },
    {
        .name = "ssl_reject_handshake",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::tls, &TlsModel::options, &TlsOptions::reject_handshake>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Refuses handshakes that lead to this server; a default server without a certificate needs it.",
    },
    {
        .name = "ssl_verify_client",
        .contexts = kHttp | kServer,
        .kind = {.form = "on | off | optional | optional_no_ca",
                 .apply = apply_verify_client,
                 .show = show_verify_client},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether clients are asked for a certificate, and whether one is needed.",
    },
    {
        .name = "ssl_client_certificate",
        .contexts = kHttp | kServer,
        .kind = kSource<&TlsOptions::client_certificate, Setting::kClientCertificate>,
        .help = "CAs of client certificates; their names are sent to clients.",
    },
    {
        .name = "ssl_trusted_certificate",
        .contexts = kHttp | kServer,
        .kind = kSource<&TlsOptions::trusted_certificate, Setting::kTrustedCertificate>,
        .help = "More CAs of client certificates; their names are not sent.",
    },
    {
        .name = "ssl_verify_depth",
        .contexts = kHttp | kServer,
        .kind = kNumber<&Level::tls, &TlsModel::options, &TlsOptions::verify_depth>,
        .weir_default = "1",
        .nginx_default = "1",
        .help = "The most CAs between a client's certificate and a trusted one.",
        .most = 100,
    },
    {
        .name = "ssl_crl",
        .contexts = kHttp | kServer,
        .kind = kSource<&TlsOptions::crl, Setting::kCrl>,
        .help = "Revoked client certificates, PEM, of every CA in the chain.",
    },
    {
        .name = "ssl_handshake_timeout",
        .contexts = kHttp | kServer,
        .kind = kTime<&Level::tls, &TlsModel::options, &TlsOptions::handshake_timeout>,
        .weir_default = "10s",
        .nginx_default = "60s",
        .help = "For a whole handshake; client_header_timeout where that is less. The default server's counts.",
        .least = 1,
    },
    {
        .name = "ssl_early_data",
        .contexts = kHttp | kServer,
        .kind = {.form = "off", .apply = apply_early_data},
        .help = "Only off.",
    },
    {
        .name = "ssl_stapling",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::tls, &TlsModel::options, &TlsOptions::stapling>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Shows clients the CA's present word on the certificate (OCSP). It is fetched beside the handshakes "
                "and kept; "
                "a handshake never waits for it nor fails without it.",
    },
    {
        .name = "ssl_stapling_verify",
        .contexts = kHttp | kServer,
        .kind = kFlag<&Level::tls, &TlsModel::options, &TlsOptions::stapling_verify>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether the chain of an answer's signer is checked, too: against ssl_trusted_certificate, else the "
                "system's CAs. Its signature always is.",
    },
    {
        .name = "ssl_stapling_file",
        .contexts = kHttp | kServer,
        .kind = {.form = "FILE",
                 .apply = apply_file<&TlsOptions::stapling_file, Setting::kStaplingFile>,
                 .show = show_file<&TlsOptions::stapling_file>},
        .help = "An OCSP answer (DER) that is shown instead of asking for one, until it runs out. Watched.",
    },
    {
        .name = "ssl_stapling_responder",
        .contexts = kHttp | kServer,
        .kind = {.form = "URL", .apply = apply_responder, .show = show_file<&TlsOptions::stapling_responder>},
        .help = "The OCSP responder, instead of the one in the certificate.",
    },
};

}  // namespace

std::span<const Row> tls_rows() {
  return kRows;
}

}  // namespace weir::config
