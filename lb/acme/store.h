// The state directory: account, certificates, what was tried, what is shown to a CA. Perhaps on storage that nodes
// share. Everything is 0600 in directories of 0700; files are replaced whole. One thread at a time.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "acme/order.h"
#include "acme/schedule.h"
#include "base/result.h"
#include "io/tls_certificate.h"
#include "io/tls_keys.h"

namespace weir::acme {

// What is remembered of one certificate between tries and over restarts.
struct Memory {
  Tries tries;
  std::string order;  // the URL of one that is not done; empty: none
  std::string error;  // of the last try; empty: it worked
  bool operator==(const Memory& other) const {
    return tries.failures == other.tries.failures && tries.next_try == other.tries.next_try && order == other.order &&
           error == other.error;
  }
};
std::string memory_to_json(const Memory& memory);
// What makes no sense is nothing.
Memory memory_from_json(const std::string& text);
std::string proof_to_json(const Proof& proof);
std::optional<Proof> proof_from_json(const std::string& text);

class Store {
 public:
  // `directory`: state_of_authority().
  explicit Store(std::string directory) : directory_(std::move(directory)) {}
  const std::string& directory() const { return directory_; }
  std::string lock_path() const { return directory_ + "/lock"; }

  // Makes the directories.
  Status<> prepare() const;

  // The account's key; made where there is none. One that cannot be read is an error: a new account would not own what
  // the old one has ordered.
  Result<io::SigningKey> account_key() const;
  std::string account() const;  // its URL; empty: not known
  Status<> save_account(const std::string& url) const;

  // The key of a certificate that is being ordered; made where there is none that can be used.
  Result<io::SigningKey> pending_key(const std::string& stem) const;
  Memory memory(const std::string& stem) const;
  Status<> remember(const std::string& stem, const Memory& memory) const;

  // Nullopt: none that can be used with its key.
  std::optional<io::CertificateFacts> installed(const std::string& stem) const;
  // Puts it in the place of the old one, with the pending key, which is pending no more.
  Status<> install(const std::string& stem, const std::string& chain, const io::SigningKey& key) const;

  Status<> publish(const Proof& proof) const;
  void withdraw(const Proof& proof) const;
  std::vector<Proof> proofs() const;
  void withdraw_all() const;

 private:
  std::string path(const char* folder, const std::string& name) const { return directory_ + "/" + folder + "/" + name; }
  std::string directory_;
};

}  // namespace weir::acme
