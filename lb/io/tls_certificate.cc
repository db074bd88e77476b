#include "io/tls_certificate.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/bytes.h"
#include "io/tls_openssl.h"
#include "io/tls_pem.h"

namespace weir::io {
namespace {

int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(timegm(&parts)) : 0;
}

std::string name_text(const X509_NAME* name) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

std::string key_text(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return "unknown";
  std::string text = EVP_PKEY_get0_type_name(key) != nullptr ? EVP_PKEY_get0_type_name(key) : "unknown";
  char group[64];
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1) return text + " " + std::string(group, size);
  return text + " " + std::to_string(EVP_PKEY_get_bits(key));
}

std::string serial_text(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (number == nullptr) return {};
  char* hex = BN_bn2hex(number);
  std::string text = hex != nullptr ? hex : "";
  OPENSSL_free(hex);
  BN_free(number);
  return text;
}

void add_alternative_names(X509* certificate, std::vector<std::string>& names) {
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* each = sk_GENERAL_NAME_value(all, i);
    if (each->type != GEN_DNS && each->type != GEN_IPADD) continue;
    const ASN1_STRING* text = each->type == GEN_DNS ? each->d.dNSName : each->d.iPAddress;
    const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
    const auto size = static_cast<size_t>(ASN1_STRING_length(text));
    if (each->type == GEN_DNS) {
      names.push_back(lowered({data, size}));
    } else if (size == 4 || size == 16) {
      char printed[INET6_ADDRSTRLEN];
      if (inet_ntop(size == 4 ? AF_INET : AF_INET6, data, printed, sizeof printed) != nullptr) names.push_back(printed);
    }
  }
  GENERAL_NAMES_free(all);
}

}  // namespace

CertificateFacts certificate_facts(X509* certificate, std::string where) {
  CertificateFacts facts;
  facts.where = std::move(where);
  add_alternative_names(certificate, facts.names);
  facts.subject = name_text(X509_get_subject_name(certificate));
  facts.issuer = name_text(X509_get_issuer_name(certificate));
  if (facts.names.empty()) {  // old ones have their name there alone
    char common[256];
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof common) > 0)
      facts.names.push_back(lowered(common));
  }
  facts.key = key_text(certificate);
  facts.serial = serial_text(certificate);
  facts.not_before = seconds_of(X509_get0_notBefore(certificate));
  facts.not_after = seconds_of(X509_get0_notAfter(certificate));
  ERR_clear_error();
  return facts;
}

Result<CertificateFacts> certificate_facts_of_pem(std::string_view pem, std::string where) {
  const auto chain = read_certificates(pem);
  if (!chain) return Unexpected{chain.error()};
  return certificate_facts(chain->front().get(), std::move(where));
}

bool certificate_covers(const CertificateFacts& facts, std::string_view server_name) {
  std::string wanted = lowered(server_name);
  const auto has = [&](const std::string& name) {
    return std::find(facts.names.begin(), facts.names.end(), name) != facts.names.end();
  };
  if (wanted.starts_with('.')) return has(wanted.substr(1)) && has("*" + wanted);
  if (has(wanted)) return true;
  const size_t dot = wanted.find('.');
  return !wanted.starts_with('*') && dot != std::string::npos && dot > 0 && has("*" + wanted.substr(dot));
}

}  // namespace weir::io
