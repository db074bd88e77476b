#include "io/tls_ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <utility>

#include "io/tls_openssl.h"
#include "io/tls_pem.h"

namespace weir::io {
namespace {

constexpr int64_t kTolerance = 300;            // seconds that clocks may differ
constexpr int64_t kWithoutNextUpdate = 3'600;  // how long an answer holds that does not say

using OwnedAnswer = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE_free>>;
using OwnedBasic = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP_free>>;
using OwnedQuestion = std::unique_ptr<OCSP_REQUEST, Freed<OCSP_REQUEST_free>>;
using OwnedCertId = std::unique_ptr<OCSP_CERTID, Freed<OCSP_CERTID_free>>;
using OwnedStore = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;

std::string responder_of(X509* certificate) {
  STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(certificate);
  std::string first = sk_OPENSSL_STRING_num(urls) > 0 ? sk_OPENSSL_STRING_value(urls, 0) : "";
  X509_email_free(urls);
  return first;
}

Unexpected<std::string> refused(const char* why) {
  return Unexpected{std::string(why) + ": " + take_tls_error("no reason given")};
}

}  // namespace

struct OcspSubject::Inside {
  OwnedCertificate leaf, issuer;
  std::vector<OwnedCertificate> chain;  // who may have signed an answer
  OwnedStore store;
  bool verify = false;

  OwnedCertId id() const { return OwnedCertId(OCSP_cert_to_id(nullptr, leaf.get(), issuer.get())); }
};

OcspSubject::OcspSubject() : inside_(std::make_unique<Inside>()) {}
OcspSubject::~OcspSubject() = default;

Result<std::shared_ptr<const OcspSubject>> OcspSubject::make(const std::vector<X509*>& chain, const std::string& where,
                                                             const Wish& wish) {
  std::shared_ptr<OcspSubject> made(new OcspSubject);
  Inside& inside = *made->inside_;
  const auto own = [](X509* certificate) {
    X509_up_ref(certificate);
    return OwnedCertificate(certificate);
  };
  inside.leaf = own(chain.front());
  inside.verify = wish.verify;
  inside.store.reset(X509_STORE_new());
  for (size_t i = 1; i < chain.size(); ++i) inside.chain.push_back(own(chain[i]));
  if (!wish.trusted.empty()) {
    auto trusted = read_certificates(wish.trusted);
    if (!trusted) return Unexpected{trusted.error()};
    for (OwnedCertificate& each : *trusted) {
      X509_STORE_add_cert(inside.store.get(), each.get());
      inside.chain.push_back(std::move(each));
    }
  } else {
    X509_STORE_set_default_paths(inside.store.get());
  }
  for (const OwnedCertificate& each : inside.chain)
    if (inside.issuer == nullptr && X509_check_issued(each.get(), inside.leaf.get()) == X509_V_OK)
      inside.issuer = own(each.get());
  ERR_clear_error();
  if (inside.issuer == nullptr) return Unexpected{std::string("the certificate of its issuer is not in its file")};
  made->where_ = where;
  made->certificate_ = certificate_digest(inside.leaf.get());
  made->responder_ = wish.responder.empty() ? responder_of(inside.leaf.get()) : wish.responder;
  if (!made->responder_.starts_with("http://") && !made->responder_.starts_with("https://"))
    return Unexpected{std::string("it names no OCSP responder")};
  return std::shared_ptr<const OcspSubject>(std::move(made));
}

std::string OcspSubject::question() const {
  const OwnedQuestion question(OCSP_REQUEST_new());
  OwnedCertId id = inside_->id();
  if (id == nullptr || OCSP_request_add0_id(question.get(), id.get()) == nullptr) return {};
  (void)id.release();  // the question's
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_REQUEST(question.get(), &der);
  std::string text;
  if (size > 0) text.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

Result<Staple> OcspSubject::judge(std::string_view answer, int64_t now) const {
  ERR_clear_error();
  const auto* at = reinterpret_cast<const unsigned char*>(answer.data());
  const OwnedAnswer outer(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(answer.size())));
  if (outer == nullptr) return refused("it is no OCSP answer");
  const int status = OCSP_response_status(outer.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return Unexpected{std::string("the responder answers \"") + OCSP_response_status_str(status) + "\""};
  const OwnedBasic basic(OCSP_response_get1_basic(outer.get()));
  if (basic == nullptr) return refused("it is no basic OCSP answer");
  STACK_OF(X509)* others = sk_X509_new_null();
  for (const OwnedCertificate& each : inside_->chain) sk_X509_push(others, each.get());
  // Stricter than nginx, which trusts any signer that stands in the certificate's own file.
  const int verified = OCSP_basic_verify(basic.get(), others, inside_->store.get(),
                                         inside_->verify ? 0UL : static_cast<unsigned long>(OCSP_NOVERIFY));
  sk_X509_free(others);
  if (verified != 1) return refused("its signature cannot be verified");
  const OwnedCertId id = inside_->id();
  int state = -1;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  if (id == nullptr || OCSP_resp_find_status(basic.get(), id.get(), &state, nullptr, nullptr, &from, &until) != 1)
    return Unexpected{std::string("it is for another certificate")};
  if (state != V_OCSP_CERTSTATUS_GOOD)
    return Unexpected{std::string("the certificate is \"") + OCSP_cert_status_str(state) + "\""};
  const auto seconds = [](const ASN1_GENERALIZEDTIME* time) {
    tm parts{};
    return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(timegm(&parts)) : 0;
  };
  if (seconds(from) > now + kTolerance) return Unexpected{std::string("it is of the future")};
  Staple staple{std::string(answer), until != nullptr ? seconds(until) : now + kWithoutNextUpdate};
  if (staple.until <= now) return Unexpected{std::string("it has run out")};
  ERR_clear_error();
  return staple;
}

std::string certificate_digest(const X509* certificate) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  return {reinterpret_cast<const char*>(digest), size};
}

void StapleBook::put(const std::string& certificate, Staple staple) {
  auto shared = std::make_shared<const Staple>(std::move(staple));
  const std::lock_guard lock(mutex_);
  staples_[certificate] = std::move(shared);
}

std::shared_ptr<const Staple> StapleBook::find(const std::string& certificate, int64_t now) const {
  const std::lock_guard lock(mutex_);
  const auto found = staples_.find(certificate);
  return found == staples_.end() || found->second->until <= now ? nullptr : found->second;
}

void StapleBook::prune(int64_t now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(staples_, [now](const auto& each) { return each.second->until <= now; });
}

}  // namespace weir::io
