#include "io/tls_tickets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace weir::io {

Result<TicketKey> TicketKeys::parse(std::string_view file) {
  TicketKey key;
  const auto take = [&file](uint8_t* into, size_t size) {
    std::memcpy(into, file.data(), size);
    file.remove_prefix(size);
  };
  if (file.size() == 80) {
    take(key.name.data(), 16);
    take(key.mac.data(), 32);
    take(key.cipher.data(), 32);
  } else if (file.size() == 48) {
    key.mac_bytes = key.cipher_bytes = 16;
    take(key.name.data(), 16);
    take(key.cipher.data(), 16);
    take(key.mac.data(), 16);
  } else {
    return Unexpected{"it must be 48 or 80 bytes long, it has " + std::to_string(file.size())};
  }
  return key;
}

void TicketKeys::add_fixed(const TicketKey& key) {
  const std::lock_guard lock(mutex_);
  fixed_ = true;
  keys_.push_back(key);
}

// What rotates is looked at when it is used: no timer, and no key for a weir that makes no tickets.
void TicketKeys::rotate(MonoMs now) {
  if (fixed_ || (!keys_.empty() && now - made_ < kRotateAfter)) return;
  // A key ages from when it stopped being used: after a day without a handshake none of them is any good.
  if (!keys_.empty() && now - made_ >= kRotateAfter * static_cast<MonoMs>(kMostOwn)) keys_.clear();
  TicketKey key;
  const bool made = RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
                    RAND_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1 &&
                    RAND_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1;
  if (!made) return;  // the next handshake tries again; without any key there are no tickets
  keys_.push_front(key);
  made_ = now;
  while (keys_.size() > kMostOwn) {
    OPENSSL_cleanse(&keys_.back(), sizeof(TicketKey));
    keys_.pop_back();
  }
}

std::optional<TicketKey> TicketKeys::current(MonoMs now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  if (keys_.empty()) return std::nullopt;
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::find(const uint8_t* name, MonoMs now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  const auto at = std::find_if(keys_.begin(), keys_.end(), [name](const TicketKey& key) {
    return std::memcmp(key.name.data(), name, key.name.size()) == 0;
  });
  if (at == keys_.end()) return std::nullopt;
  return Found{*at, at == keys_.begin()};
}

TicketKeys::Ring TicketKeys::ring() const {
  const std::lock_guard lock(mutex_);
  return fixed_ ? Ring{} : Ring{keys_, made_};
}

void TicketKeys::restore(Ring ring) {
  const std::lock_guard lock(mutex_);
  if (fixed_ || ring.keys.empty()) return;
  keys_ = std::move(ring.keys);
  if (keys_.size() > kMostOwn) keys_.resize(kMostOwn);
  made_ = ring.made;
}

size_t TicketKeys::size() const {
  const std::lock_guard lock(mutex_);
  return keys_.size();
}

}  // namespace weir::io
