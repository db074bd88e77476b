#include "acme/keeper.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"

namespace weir::acme {
namespace {

using State = CertificateStatus::State;

constexpr int64_t kDay = 86'400;

uint64_t seed_of(const AcmeCertificate& certificate) {
  return siphash(file_stem(certificate.names), 0, 0);
}

std::string span(int64_t seconds) {
  if (seconds >= 2 * kDay) return std::to_string(seconds / kDay) + " days";
  if (seconds >= 7200) return std::to_string(seconds / 3600) + " h";
  if (seconds >= 120) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds) + " s";
}

}  // namespace

const char* to_string(State state) {
  switch (state) {
    case State::kWaiting: return "waiting";
    case State::kOrdering: return "ordering";
    case State::kValid: return "valid";
    case State::kFailed: break;
  }
  return "failed";
}

// Shows proofs here, and on other nodes by files that they look for.
class Keeper::Board final : public ProofBoard {
 public:
  Board(Keeper& keeper, Clock& clock) : keeper_(keeper), clock_(clock) {}
  bool publish(const Proof& proof) override {
    if (const Status<> written = keeper_.store_->publish(proof); !written) {
      log::error("certificate ", proof.name, ": challenge not shown (", written.error(), ")");
      return false;
    }
    std::vector<Proof> all = keeper_.shown_;
    all.push_back(proof);
    keeper_.show(std::move(all));
    return clock_.wait(kSpread);
  }
  void withdraw(const Proof& proof) override {
    keeper_.store_->withdraw(proof);
    std::vector<Proof> all = keeper_.shown_;
    std::erase(all, proof);
    keeper_.show(std::move(all));
  }

 private:
  Keeper& keeper_;
  Clock& clock_;
};

// Keeps the lock while there is something to wait for. Without it the work is another node's.
class Keeper::LockedClock final : public Clock {
 public:
  LockedClock(Clock& clock, LockFile& lock) : clock_(clock), lock_(lock), refreshed_(clock.now()) {}
  int64_t now() override { return clock_.now(); }
  bool wait(int64_t milliseconds) override {
    constexpr int64_t kSlice = LockFile::kRefreshAfter * 1000;
    do {
      const int64_t slice = std::min(milliseconds, kSlice);
      if (lost_ || !clock_.wait(slice)) return false;
      milliseconds -= slice;
      if (clock_.now() - refreshed_ < LockFile::kRefreshAfter) continue;
      refreshed_ = clock_.now();
      lost_ = !lock_.refresh();
      if (lost_) return false;
    } while (milliseconds > 0);
    return true;
  }

 private:
  Clock& clock_;
  LockFile& lock_;
  int64_t refreshed_;
  bool lost_ = false;
};

void Keeper::want(Plan wanted) {
  if (wanted == wanted_ && store_ != nullptr) return;
  wanted_ = std::move(wanted);
  store_ = std::make_unique<Store>(state_of_authority(wanted_.options));
  prepared_ = false;
  next_scan_ = 0;
  floors_.clear();
  show({});
  const std::lock_guard lock(mutex_);
  status_.clear();
  for (const AcmeCertificate& each : wanted_.certificates)
    status_.push_back({each.names, certificate_file(wanted_.options, each.names)});
}

std::vector<CertificateStatus> Keeper::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Keeper::set_status(size_t index, const CertificateStatus& status) {
  const std::lock_guard lock(mutex_);
  status_[index] = status;
}

void Keeper::show(std::vector<Proof> proofs) {
  if (proofs == shown_) return;
  shown_ = std::move(proofs);
  options_.show(shown_);
}

int64_t Keeper::look() {
  if (wanted_.certificates.empty()) return kIdle;
  const int64_t now = options_.clock->now();
  if (next_scan_ > now + kScan) next_scan_ = now;  // the clock was set back
  if (!prepared_ && now >= next_scan_) {
    const Status<> prepared = store_->prepare();
    prepared_ = prepared.has_value();
    if (!prepared_) {
      next_scan_ = now + kScan;
      if (std::exchange(prepare_error_, prepared.error()) != prepared.error())
        log::error("certificates: not kept (", prepared.error(), ")");
      for (size_t i = 0; i < wanted_.certificates.size(); ++i) {
        CertificateStatus failed = status()[i];
        failed.state = State::kFailed;
        failed.error = prepared.error();
        failed.next_try = next_scan_;
        set_status(i, failed);
      }
    }
  }
  if (!prepared_) return kTick;
  mirror();
  if (now >= next_scan_) scan();
  return kTick;
}

// While another node has the lock a CA may ask this one.
void Keeper::mirror() {
  show(LockFile::is_there(store_->lock_path()) ? store_->proofs() : std::vector<Proof>());
}

Keeper::Due Keeper::due_of(const AcmeCertificate& certificate) const {
  const std::string stem = file_stem(certificate.names);
  Due due{0, store_->memory(stem)};
  const auto facts = store_->installed(stem);
  std::optional<Validity> validity;
  const bool covers = facts && std::all_of(certificate.names.begin(), certificate.names.end(),
                                           [&](const auto& name) { return io::certificate_covers(*facts, name); });
  if (covers) validity = Validity{facts->not_before, facts->not_after};
  Tries tries = due.memory.tries;
  if (const auto floor = floors_.find(stem); floor != floors_.end())
    tries.next_try = std::max(tries.next_try, floor->second);
  due.at = next_due(validity, tries, seed_of(certificate), options_.clock->now());
  return due;
}

void Keeper::scan() {
  int64_t next = options_.clock->now() + kScan;
  for (size_t i = 0; i < wanted_.certificates.size(); ++i) {
    if (!options_.clock->wait(0)) return;
    order_if_due(i);
    const int64_t due = due_of(wanted_.certificates[i]).at;
    if (due > options_.clock->now()) next = std::min(next, due);
  }
  next_scan_ = next;
}

void Keeper::order_if_due(size_t index) {
  const AcmeCertificate& certificate = wanted_.certificates[index];
  CertificateStatus status{certificate.names, certificate_file(wanted_.options, certificate.names)};
  const auto tell = [&](const Due& due) {
    const bool exists = store_->installed(file_stem(certificate.names)).has_value();
    status.failures = due.memory.tries.failures;
    status.error = due.memory.error;
    status.next_try = due.at;
    status.state = status.failures > 0 ? State::kFailed : exists ? State::kValid : State::kWaiting;
    set_status(index, status);
  };
  Due due = due_of(certificate);
  tell(due);
  if (due.at > options_.clock->now()) return;
  LockFile lock(store_->lock_path());
  if (!lock.take()) {
    if (!lock.why().empty()) note_failure(index, due.memory, {Failure::Kind::kLocal, lock.why()});
    return;
  }
  // What another node has done meanwhile.
  due = due_of(certificate);
  tell(due);
  if (due.at > options_.clock->now()) return;
  store_->withdraw_all();  // of a node that died
  status.state = State::kOrdering;
  set_status(index, status);
  order(index, std::move(due.memory), lock);
  tell(due_of(certificate));
}

void Keeper::order(size_t index, Memory memory, LockFile& lock) {
  const AcmeCertificate& certificate = wanted_.certificates[index];
  const auto issued = obtain(certificate, memory, lock);
  if (!issued) return note_failure(index, std::move(memory), issued.error());
  issued_.fetch_add(1, std::memory_order_relaxed);
  if (const Status<> saved = store_->remember(file_stem(certificate.names), {}); !saved)
    log::warn("certificate ", certificate.names.front(), ": state not written (", saved.error(), ")");
  log::notice("certificate ", certificate.names.front(), ": issued (by ", issued->issuer, ", serial ", issued->serial,
              ", ", span(issued->not_after - options_.clock->now()), " left)");
}

Attempt<io::CertificateFacts> Keeper::obtain(const AcmeCertificate& certificate, Memory& memory, LockFile& lock) {
  const auto local = [](const std::string& text) { return Unexpected{Failure{Failure::Kind::kLocal, text}}; };
  const std::string stem = file_stem(certificate.names);
  const auto account_key = store_->account_key();
  if (!account_key) return local(account_key.error());
  const auto key = store_->pending_key(stem);
  if (!key) return local(key.error());
  LockedClock clock(*options_.clock, lock);
  const std::unique_ptr<fetch::HttpDoor> door = options_.make_door(wanted_.options);
  Client client(*door, clock, wanted_.options, *account_key);
  const std::string known = store_->account();
  const auto account = client.open(known);
  if (!account) return Unexpected{account.error()};
  const auto save_account = [&] {
    if (client.account() == known) return;
    if (const Status<> saved = store_->save_account(client.account()); !saved)
      log::warn("certificate account: not written (", saved.error(), "), it is looked for again each time");
  };
  save_account();

  OrderWish wish{certificate.names, {}, memory.order};
  for (const ChallengeKind each : wanted_.options.challenges)
    if (std::find(wanted_.possible.begin(), wanted_.possible.end(), each) != wanted_.possible.end())
      wish.challenges.push_back(each);
  if (wish.challenges.empty()) return local("no listener can answer a challenge of \"acme_challenge\"");
  // What has failed is not tried first the next time.
  const auto count = static_cast<int>(wish.challenges.size());
  std::rotate(wish.challenges.begin(), wish.challenges.begin() + memory.tries.failures % count, wish.challenges.end());
  Board board(*this, clock);
  Ordering ordering(client, board, *key, [&](const std::string& url) {
    memory.order = url;
    if (const Status<> saved = store_->remember(stem, memory); !saved)
      log::warn("certificate ", certificate.names.front(), ": order not written (", saved.error(), ")");
  });
  const auto chain = ordering.run(wish);
  save_account();
  if (!chain) return Unexpected{chain.error()};
  if (!lock.refresh()) return Unexpected{Failure{Failure::Kind::kStopped, "the lock is another node's"}};
  if (const Status<> installed = store_->install(stem, *chain, *key); !installed) return local(installed.error());
  auto facts = store_->installed(stem);
  if (!facts) return local("the certificate that was written cannot be read");
  return std::move(*facts);
}

void Keeper::note_failure(size_t index, Memory memory, const Failure& failure) {
  if (failure.kind == Failure::Kind::kStopped) return;
  const AcmeCertificate& certificate = wanted_.certificates[index];
  const int64_t now = options_.clock->now();
  failed_.fetch_add(1, std::memory_order_relaxed);
  ++memory.tries.failures;
  const uint64_t seed = seed_of(certificate) + static_cast<uint64_t>(memory.tries.failures);
  const int64_t wait = back_off(failure.kind, memory.tries.failures, failure.retry_after, seed);
  memory.tries.next_try = now + wait;
  memory.error = std::string(to_string(failure.kind)) + ": " + failure.text;
  if (failure.kind == Failure::Kind::kLocal) prepared_ = false;  // the directory may be gone
  const std::string stem = file_stem(certificate.names);
  floors_.erase(stem);
  const Status<> saved = store_->remember(stem, memory);
  log::error("certificate ", certificate.names.front(), ": not issued (", memory.error, "), next try in ", span(wait));
  if (saved) return;
  log::error("certificate ", certificate.names.front(), ": state not written (", saved.error(), ")");
  floors_[stem] = memory.tries.next_try;
}

}  // namespace weir::acme
