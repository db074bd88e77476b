// $ssl_*: what the handshake has settled. Without TLS none of them is there.
#include <algorithm>

#include "base/arena_text.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/variable_values.h"

namespace weir::proxy {
namespace {

using route::Var;
using route::VariableValue;

// A field's value cannot hold a line end: they become blanks.
std::string_view on_one_line(std::string_view pem, Arena& arena) {
  if (pem.ends_with('\n')) pem.remove_suffix(1);
  char* text = arena.allocate(pem.size());
  std::replace_copy(pem.begin(), pem.end(), text, '\n', ' ');
  return {text, pem.size()};
}

std::string_view escaped(std::string_view pem, Arena& arena) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  char* text = arena.allocate(3 * pem.size());
  size_t n = 0;
  for (const char c : pem) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      text[n++] = c;
      continue;
    }
    text[n++] = '%';
    text[n++] = kHex[static_cast<unsigned char>(c) >> 4];
    text[n++] = kHex[static_cast<unsigned char>(c) & 15];
  }
  return {text, n};
}

std::string_view verification(const io::TlsFacts& facts, Arena& arena) {
  if (facts.client == nullptr) return "NONE";
  return facts.verified ? std::string_view("SUCCESS") : arena.concat({"FAILED:", facts.verify_error});
}

VariableValue client_variable(Var id, const io::ClientCertificate& client, int64_t now_us, Arena& arena) {
  switch (id) {
    case Var::kSslClientCert: return found(on_one_line(client.pem, arena));
    case Var::kSslClientRawCert: return found(client.pem);
    case Var::kSslClientEscapedCert: return found(escaped(client.pem, arena));
    case Var::kSslClientFingerprint: return found(client.fingerprint);
    case Var::kSslClientIDn: return found(client.issuer);
    case Var::kSslClientIDnLegacy: return found(client.issuer_legacy);
    case Var::kSslClientSDn: return found(client.subject);
    case Var::kSslClientSDnLegacy: return found(client.subject_legacy);
    case Var::kSslClientSerial: return found(client.serial);
    case Var::kSslClientVStart: return found(client.not_before);
    case Var::kSslClientVEnd: return found(client.not_after);
    case Var::kSslClientVRemain:  // whole days
      return found(number_text(std::max<int64_t>(0, (client.not_after_seconds - now_us / 1'000'000) / 86'400), arena));
    default: return {};
  }
}

}  // namespace

VariableValue Exchange::tls_variable(const route::VariableRef& ref, Arena& arena) const {
  const ConnectionDetails* details = downstream_->connection().details.get();
  if (details == nullptr || details->facts == nullptr) return {};
  const io::TlsFacts& facts = *details->facts;
  switch (ref.id) {
    case Var::kSslAlpnProtocol: return non_empty(facts.alpn);
    case Var::kSslCipher: return found(facts.cipher);
    case Var::kSslCiphers: return non_empty(facts.ciphers);
    case Var::kSslCurve: return non_empty(facts.curve);
    case Var::kSslCurves: return non_empty(facts.curves);
    case Var::kSslEarlyData: return {};  // is never taken
    case Var::kSslProtocol: return found(facts.protocol);
    case Var::kSslSigalg: return non_empty(facts.signature);
    case Var::kSslSigalgs: return non_empty(facts.signatures);
    case Var::kSslClientSigalg: return non_empty(facts.client_signature);
    case Var::kSslServerName: return non_empty(facts.server_name);
    case Var::kSslSessionId: return non_empty(facts.session_id);
    case Var::kSslSessionReused: return found(facts.resumed ? "r" : ".");
    case Var::kSslClientVerify: return found(verification(facts, arena));
    default:
      return facts.client != nullptr ? client_variable(ref.id, *facts.client, core_.loop().wall_us(), arena)
                                     : VariableValue{};
  }
}

}  // namespace weir::proxy
