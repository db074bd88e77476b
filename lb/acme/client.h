// One conversation with an ACME server: nonces, signed requests, the account. What an order is made of is in order.h.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "acme/answers.h"
#include "acme/failure.h"
#include "acme/options.h"
#include "fetch/http.h"
#include "io/tls_keys.h"

namespace weir::acme {

// Time, as the conversation knows it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now() = 0;  // wall time, seconds
  // False: weir ends, or what was asked for is no longer wanted.
  virtual bool wait(int64_t milliseconds) = 0;
};

class Client {
 public:
  static constexpr int kMostNonces = 4;  // tries of one request

  // All outlive it.
  Client(fetch::HttpDoor& door, Clock& clock, const AcmeOptions& options, const io::SigningKey& key)
      : door_(door), clock_(clock), options_(options), key_(key) {}

  // Reads the directory, and finds the account or makes it. `known`: its URL of before; empty: none. The account's URL.
  Attempt<std::string> open(const std::string& known);
  // Makes the account anew or finds it by its key: the server does not know the URL of before.
  Attempt<std::string> renew_account();

  const std::string& account() const { return account_; }
  const Directory& directory() const { return directory_; }
  // A signed POST in the account's name; an empty payload reads. Errors are failures already.
  Attempt<fetch::Answer> post(const std::string& url, const std::string& payload, const std::string& accept = {});

  Clock& clock() { return clock_; }
  const io::SigningKey& key() const { return key_; }

 private:
  Attempt<fetch::Answer> ask(const fetch::Request& request);
  Attempt<fetch::Answer> send(const std::string& url, const std::string& payload, const std::string& accept);
  Attempt<std::string> take_nonce();
  Failure failure_of(const fetch::Answer& answer, const std::string& url) const;

  fetch::HttpDoor& door_;
  Clock& clock_;
  const AcmeOptions& options_;
  const io::SigningKey& key_;
  Directory directory_;
  std::string account_;  // URL
  std::string nonce_;    // of the last answer; empty: none left
};

}  // namespace weir::acme
