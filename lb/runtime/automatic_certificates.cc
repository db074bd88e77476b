#include "runtime/automatic_certificates.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/log.h"
#include "io/tls_context.h"
#include "io/tls_keys.h"

namespace weir::runtime {
namespace {

constexpr int64_t kDay = 86'400;

// A certificate that says what the challenge asks for (RFC 8737 3). Null: it could not be made.
std::shared_ptr<const io::TlsContext> context_of(const acme::Proof& proof) {
  const auto now = static_cast<int64_t>(std::time(nullptr));
  const auto key = io::SigningKey::make();
  const auto certificate =
      key ? key->certificate({{proof.name}, now - kDay, now + kDay, io::sha256(proof.key_authorization)})
          : Result<std::string>(Unexpected{key.error()});
  io::TlsReport report;
  std::shared_ptr<const io::TlsContext> context;
  if (certificate) {
    io::TlsOptions options;
    options.certificates.push_back({"data:" + *certificate, "data:" + key->pem()});
    options.proves_name = true;
    options.tickets = false;
    const auto no_file = [](const std::string&) { return Result<std::string>(Unexpected{std::string("none")}); };
    context = io::TlsContext::make(options, "acme", no_file, report);
  }
  if (context == nullptr)
    log::error("certificate ", proof.name, ": challenge not shown (",
               certificate ? report.errors.front().text : certificate.error(), ")");
  return context;
}

}  // namespace

acme::Plan certificate_plan(const config::Model& model) {
  acme::Plan wanted{model.main.acme, model.acme_certificates, {}};
  bool plain = false, tls = false;
  for (const config::ServerModel& server : model.servers) {
    for (const config::ListenModel& listen : server.listens) {
      plain = plain || (!listen.ssl && !listen.address.is_unix());
      tls = tls || (listen.ssl && !listen.address.is_unix());
    }
  }
  if (plain) wanted.possible.push_back(acme::ChallengeKind::kHttp);
  if (tls) wanted.possible.push_back(acme::ChallengeKind::kTlsAlpn);
  return wanted;
}

void show_proofs(const std::vector<acme::Proof>& proofs, proxy::Challenges& challenges) {
  proxy::Challenges::Texts texts;
  proxy::Challenges::Contexts contexts;
  for (const acme::Proof& each : proofs) {
    if (each.kind == acme::ChallengeKind::kHttp)
      texts[each.token] = each.key_authorization;
    else if (auto context = context_of(each))
      contexts[each.name] = std::move(context);
  }
  challenges.set(std::move(texts), std::move(contexts));
}

}  // namespace weir::runtime
