// acme_*: whom certificates are had from, and in whose name (RFC 8555).
#include <algorithm>

#include "acme/encoding.h"
#include "config/builder.h"
#include "config/values.h"
#include "config/words.h"

namespace weir::config {
namespace {

using acme::AcmeOptions;
using acme::ChallengeKind;

AcmeOptions& options_of(const Call& call) {
  return call.scope.main->acme;
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void apply_directory(Call& call) {
  const std::string& url = call.arg(0);
  const bool has_scheme = url.starts_with("https://") || url.starts_with("http://");
  if (!has_scheme || !is_printable(url) || url.size() <= std::string_view("https://").size())
    return call.invalid(0, "a URL like " + std::string(AcmeOptions::kLetsEncrypt));
  if (url.starts_with("http://"))
    call.warning("\"" + url + "\" is asked without TLS: whoever is between may have certificates for your names");
  options_of(call).directory = url;
}
std::vector<std::string> show_directory(const Scope& scope) {
  return {quote_word(scope.main->acme.directory)};
}

void apply_contact(Call& call) {
  std::vector<std::string> contacts;
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& text = call.arg(i);
    const bool is_mail = text.find('@') != std::string::npos && text.find(':') == std::string::npos;
    if (!is_printable(text) || (!is_mail && text.find(':') == std::string::npos) || text.starts_with(':'))
      return call.invalid(i, "a mail address or a URL");
    contacts.push_back(is_mail ? "mailto:" + text : text);
  }
  options_of(call).contacts = std::move(contacts);
}
std::vector<std::string> show_contact(const Scope& scope) {
  std::string all;
  for (const std::string& each : scope.main->acme.contacts) all += (all.empty() ? "" : " ") + quote_word(each);
  return all.empty() ? std::vector<std::string>() : std::vector<std::string>{all};
}

void apply_state(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a directory");
  std::string path = call.builder.absolute(call.arg(0));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  options_of(call).state = path;
}
std::vector<std::string> show_state(const Scope& scope) {
  return {quote_word(scope.main->acme.state)};
}

void apply_terms(Call& call) {
  const auto on = parse_flag(call.arg(0));
  if (!on) return call.invalid(0, "\"on\" or \"off\"");
  options_of(call).terms = *on ? acme::Terms::kAccepted : acme::Terms::kRefused;
}
std::vector<std::string> show_terms(const Scope& scope) {
  switch (scope.main->acme.terms) {
    case acme::Terms::kImplied: return {};
    case acme::Terms::kAccepted: return {"on"};
    case acme::Terms::kRefused: break;
  }
  return {"off"};
}

void apply_trusted(Call& call) {
  if (call.arg(0).empty()) return call.invalid(0, "a file");
  const std::string path = call.builder.absolute(call.arg(0));
  if (const auto text = call.builder.read_file(path); !text)
    return call.error_at(0, "cannot load trusted certificate \"" + path + "\": " + text.error());
  options_of(call).trusted_certificate = path;
}
std::vector<std::string> show_trusted(const Scope& scope) {
  const std::string& path = scope.main->acme.trusted_certificate;
  return path.empty() ? std::vector<std::string>() : std::vector<std::string>{quote_word(path)};
}

void apply_external(Call& call) {
  constexpr std::string_view kInline = "data:";
  const std::string& from = call.arg(1);
  std::string text;
  if (from.starts_with(kInline)) {
    text = from.substr(kInline.size());
  } else {
    auto read = call.builder.read_file(call.builder.absolute(from));
    if (!read) return call.error_at(1, "cannot load key \"" + from + "\": " + read.error());
    text = std::move(*read);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const auto key = acme::decode_base64url(text);
  if (call.arg(0).empty()) return call.invalid(0, "an account's number");
  if (!key || key->empty()) return call.error_at(1, "the key is no base64url");
  AcmeOptions& options = options_of(call);
  options.external_id = call.arg(0);
  options.external_key = *key;
  options.external_key_from = from.starts_with(kInline) ? from : call.builder.absolute(from);
}
std::vector<std::string> show_external(const Scope& scope) {
  const AcmeOptions& options = scope.main->acme;
  if (options.external_id.empty()) return {};
  return {quote_word(options.external_id) + " " + quote_word(options.external_key_from)};
}

void apply_challenge(Call& call) {
  std::vector<ChallengeKind> kinds;
  for (size_t i = 0; i < call.count(); ++i) {
    std::optional<ChallengeKind> kind;
    for (const ChallengeKind each : {ChallengeKind::kHttp, ChallengeKind::kTlsAlpn})
      if (call.arg(i) == to_string(each)) kind = each;
    if (call.arg(i) == "dns-01")
      return call.error_at(i, "\"dns-01\" is not supported by weir: it writes no DNS records");
    if (!kind || std::find(kinds.begin(), kinds.end(), *kind) != kinds.end())
      return call.invalid(i, "http-01 or tls-alpn-01, each once");
    kinds.push_back(*kind);
  }
  options_of(call).challenges = std::move(kinds);
}
std::vector<std::string> show_challenge(const Scope& scope) {
  std::string all;
  for (const ChallengeKind each : scope.main->acme.challenges)
    all += (all.empty() ? std::string() : std::string(" ")) + to_string(each);
  return {all};
}

const Row kRows[] = {
    {
        .name = "acme_directory",
        .contexts = kHttp,
        .kind = {.form = "URL", .apply = apply_directory, .show = show_directory},
        .weir_default = AcmeOptions::kLetsEncrypt,
        .nginx_default = AcmeOptions::kLetsEncrypt,
        .help = "The ACME server that \"ssl_certificate_auto\" has its certificates from.",
    },
    {
        .name = "acme_contact",
        .contexts = kHttp,
        .kind = {.form = "ADDRESS ...", .most_args = -1, .apply = apply_contact, .show = show_contact},
        .help = "Whom the CA writes to about the account: mail addresses or URLs.",
    },
    {
        .name = "acme_state",
        .contexts = kHttp,
        .kind = {.form = "DIRECTORY", .apply = apply_state, .show = show_state},
        .weir_default = "/var/lib/weir/acme",
        .nginx_default = "/var/lib/weir/acme",
        .help = "Where account, certificates and failures are kept (0700). Nodes of a fleet share it: one of them "
                "at a time has certificates renewed.",
    },
    {
        .name = "acme_accept_terms",
        .contexts = kHttp,
        .kind = {.form = "on | off", .apply = apply_terms, .show = show_terms},
        .help = "Whether you agree to the CA's terms. Not written: \"ssl_certificate_auto\" stands for it, and -t "
                "reminds of that.",
    },
    {
        .name = "acme_trusted_certificate",
        .contexts = kHttp,
        .kind = {.form = "FILE", .apply = apply_trusted, .show = show_trusted},
        .help = "CAs that the ACME server's own certificate is checked with, instead of the system's.",
    },
    {
        .name = "acme_external_account",
        .contexts = kHttp,
        .kind = {.form = "ID FILE | ID data:KEY",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_external,
                 .show = show_external},
        .help = "The account with the CA that a new ACME account is bound to, and its HMAC key (base64url).",
    },
    {
        .name = "acme_challenge",
        .contexts = kHttp,
        .kind = {.form = "http-01 | tls-alpn-01 ...", .most_args = 2, .apply = apply_challenge, .show = show_challenge},
        .weir_default = "http-01 tls-alpn-01",
        .nginx_default = "http-01 tls-alpn-01",
        .help = "How names are proved: on a plain listener (port 80 of the name), or in a TLS handshake (port 443). Of "
                "several, each failure leads to the next.",
    },
};

}  // namespace

std::span<const Row> acme_rows() {
  return kRows;
}

}  // namespace weir::config
