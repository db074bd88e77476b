// The head of a cached answer's file: when it is fresh, whose answer it is, and the head that the peer sent. The body
// follows. A file of another version, or one whose checksum is wrong, is none.
//
//   8  magic and version "weirc01\n"
//   4  CRC-32 of the head behind this number
//   4  bytes of the head, these included
//   8  each: fresh until, age when it came, came at, stale while updating, stale if error, bytes of the body
//   4  each: status, flags (1: must revalidate)
//   4  each: bytes of the key, of the names of Vary, of what the request said in them, of the reason; number of fields
//      those texts; of each field 4 bytes for its name's length, 4 for its value's, and both
//
// Numbers have their least significant byte first.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/freshness.h"

namespace weir::cache {

struct StoredHead {
  Freshness freshness;
  int64_t came_at = 0;  // seconds since the Unix epoch
  int64_t body_bytes = 0;
  int status = 0;
  std::string_view key, vary, variant, reason;
  std::vector<std::pair<std::string_view, std::string_view>> fields;

  // RFC 9111 4.2.3.
  int64_t age_at(int64_t now) const { return freshness.age + (now > came_at ? now - came_at : 0); }
};

inline constexpr size_t kLeastHead = 16;
inline constexpr size_t kMostHead = 1024 * 1024;

std::string encode(const StoredHead& head);

// From the first kLeastHead bytes of a file: how long its head is; 0: it has none.
size_t head_bytes(std::string_view bytes);
// False: `bytes`, which begin with all of a head, hold none. Texts of `out` are views of `bytes`.
bool decode(std::string_view bytes, StoredHead& out);

}  // namespace weir::cache
