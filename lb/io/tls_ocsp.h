// OCSP answers that are stapled to handshakes (RFC 6960, RFC 6066 8): the question that a certificate asks, whether an
// answer may be shown, and where those that may are kept. No network here. A missing answer never fails a handshake.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct x509_st;

namespace weir::io {

// An answer that may be shown, and until when.
struct Staple {
  std::string answer;  // DER
  int64_t until = 0;   // wall time, seconds
};

// By certificate: its SHA-256. Kept over reloads, shared by all contexts. Any thread.
class StapleBook {
 public:
  void put(const std::string& certificate, Staple staple);
  // Null: none, or one that has run out. `now`: wall time, seconds.
  std::shared_ptr<const Staple> find(const std::string& certificate, int64_t now) const;
  // Forgets those that have run out.
  void prune(int64_t now);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Staple>> staples_;
};

// One certificate whose answers are wanted, with what they are judged by. Immutable.
class OcspSubject {
 public:
  struct Wish {
    std::string responder;  // URL; empty: that of the certificate
    bool verify = false;    // the signer's chain, too, against `trusted` or else the system's CAs
    std::string trusted;    // PEM
  };
  // `chain`: leaf first. The error says why there can be no answer for it.
  static Result<std::shared_ptr<const OcspSubject>> make(const std::vector<x509_st*>& chain, const std::string& where,
                                                         const Wish& wish);
  ~OcspSubject();
  OcspSubject(const OcspSubject&) = delete;
  OcspSubject& operator=(const OcspSubject&) = delete;

  const std::string& where() const { return where_; }
  const std::string& certificate() const { return certificate_; }  // SHA-256
  const std::string& responder() const { return responder_; }
  std::string question() const;  // DER
  // Whether it may be shown: signed by the issuer or in its name, of this certificate, good, and in time. The error is
  // for the operator.
  Result<Staple> judge(std::string_view answer, int64_t now) const;

 private:
  struct Inside;
  OcspSubject();
  std::string where_, certificate_, responder_;
  std::unique_ptr<Inside> inside_;
};

// SHA-256 of a certificate.
std::string certificate_digest(const x509_st* certificate);

}  // namespace weir::io
