// Keeps the certificates of a configuration: looks when one is due, has it ordered if no other node does, and remembers
// what came of it. All of it on one thread that may wait; status() from any.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "acme/lock_file.h"
#include "acme/order.h"
#include "acme/store.h"
#include "fetch/http.h"

namespace weir::acme {

// What a configuration wants.
struct Plan {
  AcmeOptions options;
  std::vector<AcmeCertificate> certificates;
  std::vector<ChallengeKind> possible;  // by the listeners that there are
  bool operator==(const Plan&) const = default;
};

// For the operator.
struct CertificateStatus {
  std::vector<std::string> names;
  std::string file;
  enum class State : uint8_t { kWaiting, kOrdering, kValid, kFailed } state = State::kWaiting;
  int failures = 0;        // in a row
  int64_t next_try = 0;    // seconds since the epoch; of a valid one: its renewal
  std::string error = {};  // of the last try
};
const char* to_string(CertificateStatus::State state);

class Keeper {
 public:
  static constexpr int64_t kTick = 500;     // ms: how soon a proof of another node is shown here
  static constexpr int64_t kSpread = 1100;  // ms that a proof is given to be shown by all nodes
  static constexpr int64_t kScan = 30;      // s between two looks at the certificates
  static constexpr int64_t kIdle = 60'000;  // ms, with nothing to keep

  struct Options {
    std::function<std::unique_ptr<fetch::HttpDoor>(const AcmeOptions&)> make_door;
    Clock* clock = nullptr;  // outlives it; wait() false: the thread is to end or the wish has changed
    // All proofs that are to be shown from now on; an empty list: none.
    std::function<void(const std::vector<Proof>&)> show;
  };
  explicit Keeper(Options options) : options_(std::move(options)) {}

  void want(Plan wanted);
  // One look; may take minutes. Milliseconds until the next.
  int64_t look();

  std::vector<CertificateStatus> status() const;
  uint64_t issued() const { return issued_.load(std::memory_order_relaxed); }
  uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  class Board;
  class LockedClock;
  struct Due {
    int64_t at = 0;
    Memory memory;
  };

  void mirror();
  void show(std::vector<Proof> proofs);
  Due due_of(const AcmeCertificate& certificate) const;
  void scan();
  void order_if_due(size_t index);
  void order(size_t index, Memory memory, LockFile& lock);
  Attempt<io::CertificateFacts> obtain(const AcmeCertificate& certificate, Memory& memory, LockFile& lock);
  void note_failure(size_t index, Memory memory, const Failure& failure);
  void set_status(size_t index, const CertificateStatus& status);

  Options options_;
  Plan wanted_;
  std::unique_ptr<Store> store_;
  bool prepared_ = false;
  std::string prepare_error_;  // logged once
  int64_t next_scan_ = 0;
  std::map<std::string, int64_t> floors_;  // by file_stem(): the next try, where it cannot be remembered on disk
  std::vector<Proof> shown_;
  mutable std::mutex mutex_;
  std::vector<CertificateStatus> status_;
  std::atomic<uint64_t> issued_ = 0, failed_ = 0;
};

}  // namespace weir::acme
