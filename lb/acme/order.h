// One certificate from the order to its text (RFC 8555 7.4), step by step; each step may wait for the server.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "acme/client.h"

namespace weir::acme {

// What a CA that comes to look is to be shown.
struct Proof {
  ChallengeKind kind = ChallengeKind::kHttp;
  std::string name;
  std::string token;
  std::string key_authorization;
  bool operator==(const Proof&) const = default;
};

// Who shows it.
class ProofBoard {
 public:
  virtual ~ProofBoard() = default;
  // Shown by the time that it returns, also by other nodes of a fleet. False: it cannot be, or weir ends.
  virtual bool publish(const Proof& proof) = 0;
  virtual void withdraw(const Proof& proof) = 0;
};

struct OrderWish {
  std::vector<std::string> names;
  std::vector<ChallengeKind> challenges;  // in order of preference; never empty
  std::string resume;                     // the URL of an order that was begun before; empty: none
};

class Ordering {
 public:
  static constexpr int64_t kPatience = 300;  // seconds that an order may stay pending within one try

  // `key`: of the certificate. `note` is told of the order's URL once there is one, and of "" when it came to nothing.
  Ordering(Client& client, ProofBoard& board, const io::SigningKey& key, std::function<void(const std::string&)> note)
      : client_(client), board_(board), key_(key), note_(std::move(note)) {}
  // The certificate and its chain, PEM.
  Attempt<std::string> run(const OrderWish& wish);

 private:
  Attempt<Order> begin(const OrderWish& wish);
  Attempt<Order> look(const std::string& url, int64_t& retry_after);
  // Asks until `settled` says so.
  Attempt<Order> wait_for(Order order, bool (*settled)(const Order&), const char* what);
  Attempt<Void> authorize(const std::string& url, const OrderWish& wish);
  Attempt<Void> prove(const std::string& url, const Authorization& authorization, const Challenge& challenge);
  Attempt<Void> wait_for_verdict(const std::string& url);
  Attempt<std::string> fetch_certificate(const Order& order, const OrderWish& wish);
  Attempt<Void> pause(int64_t& waited, int64_t retry_after, const char* what);
  Failure refused(const Order& order) const;

  Client& client_;
  ProofBoard& board_;
  const io::SigningKey& key_;
  std::function<void(const std::string&)> note_;
  std::string url_;  // of the order
};

}  // namespace weir::acme
