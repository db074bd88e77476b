// OCSP answers, fetched beside the handshakes: what contexts want is asked for on a thread of its own, judged, and put
// where handshakes find it. An answer is asked for again long before it runs out; one that cannot be had leaves the one
// before until then.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/model.h"
#include "fetch/http.h"
#include "io/tls_ocsp.h"

namespace weir::runtime {

using OcspSubjects = std::vector<std::shared_ptr<const io::OcspSubject>>;

// What is due and what came of it. One thread.
class StapleFetcher {
 public:
  static constexpr int64_t kFirstRetry = 60, kLastRetry = 3'600;  // seconds after a failure; doubles
  static constexpr int64_t kRefresh = 3'600;                      // seconds after which an answer is asked for again
  static constexpr int64_t kBefore = 300;                         // and so long before it runs out, at the latest

  // Both outlive it.
  StapleFetcher(fetch::HttpDoor& door, io::StapleBook& book) : door_(door), book_(book) {}
  // Asks for what is due at this wall time, seconds; those that are not listed any more are forgotten.
  void look(const OcspSubjects& subjects, int64_t now);

 private:
  struct Due {
    int64_t at = 0;
    int failures = 0;
  };
  void ask(const io::OcspSubject& subject, Due& due, int64_t now);

  fetch::HttpDoor& door_;
  io::StapleBook& book_;
  std::map<std::string, Due> due_;  // by certificate and responder
};

// It on its thread.
class Stapling {
 public:
  static constexpr int64_t kTick = 1'000;  // ms: how soon a renewed certificate is noticed

  explicit Stapling(std::shared_ptr<io::StapleBook> book);
  ~Stapling() { stop(); }
  Stapling(const Stapling&) = delete;
  Stapling& operator=(const Stapling&) = delete;

  // The contexts of the configuration in force. The thread begins with the first that staples.
  void want(const config::Model& model);
  void stop();

 private:
  bool is_stopped() const;
  void run();

  const std::shared_ptr<io::StapleBook> book_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::weak_ptr<const io::TlsContext>> contexts_;
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace weir::runtime
