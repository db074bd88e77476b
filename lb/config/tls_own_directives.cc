// Certificates that nobody has to put there: signed by weir itself, or had by ACME.
#include "config/builder.h"
#include "config/words.h"

namespace weir::config {
namespace {

// Where a server's certificate comes from stands once in a block; what it inherits gives way.
bool is_only_source(const Call& call) {
  if (call.block == nullptr) return true;
  for (const char* other : {"ssl_certificate", "ssl_certificate_selfsigned", "ssl_certificate_auto"}) {
    if (call.directive.name == other) continue;
    for (const Directive& each : *call.block) {
      if (each.name != other) continue;
      call.error("\"" + call.directive.name + "\" and \"" + other + "\" exclude each other, see " +
                 each.at.to_string());
      return false;
    }
  }
  return true;
}

void apply_own(Call& call, TlsModel::Own own) {
  TlsModel& tls = call.scope.level->tls;
  if (!is_only_source(call)) return;
  tls.certificates.clear();
  tls.keys.clear();
  tls.own = own;
  tls.own_names.clear();
  for (size_t i = 0; i < call.count(); ++i) {
    if (call.arg(i).empty() || call.arg(i).find('$') != std::string::npos) return call.invalid(i, "a name");
    tls.own_names.push_back(call.arg(i));
  }
  tls.written[{io::TlsFault::Setting::kCertificate, 0}] = call.directive.at;
}

std::vector<std::string> show_own(const Scope& scope, TlsModel::Own own) {
  const TlsModel& tls = scope.level->tls;
  if (tls.own != own) return {};
  std::string names;
  for (const std::string& each : tls.own_names) names += (names.empty() ? "" : " ") + quote_word(each);
  return {names};
}

void apply_self_signed(Call& call) {
  apply_own(call, TlsModel::Own::kSelfSigned);
  call.warning("\"ssl_certificate_selfsigned\" is for a first try: browsers will warn of its certificate");
}
std::vector<std::string> show_self_signed(const Scope& scope) {
  return show_own(scope, TlsModel::Own::kSelfSigned);
}

void apply_automatic(Call& call) {
  apply_own(call, TlsModel::Own::kAutomatic);
}
std::vector<std::string> show_automatic(const Scope& scope) {
  return show_own(scope, TlsModel::Own::kAutomatic);
}

const Row kRows[] = {
    {
        .name = "ssl_certificate_selfsigned",
        .contexts = kHttp | kServer,
        .kind = {.form = "[NAME ...]",
                 .least_args = 0,
                 .most_args = -1,
                 .apply = apply_self_signed,
                 .show = show_self_signed},
        .help = "A certificate that weir makes and signs itself, for these names or the server's. Browsers will warn. "
                "Kept over reloads, not over restarts.",
    },
    {
        .name = "ssl_certificate_auto",
        .contexts = kHttp | kServer,
        .kind =
            {.form = "[NAME ...]", .least_args = 0, .most_args = -1, .apply = apply_automatic, .show = show_automatic},
        .help = "A certificate for these names or the server's, had from a CA by ACME and renewed by itself (acme_*). "
                "Until it has come, handshakes are refused.",
    },
};

}  // namespace

std::span<const Row> tls_own_rows() {
  return kRows;
}

}  // namespace weir::config
