// Databases of addresses in MaxMind's format (libmaxminddb): what is written down about an address's network.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sockaddr.h"

namespace weir {

class GeoDatabase {
 public:
  // Maps the file: a new one has to take its name, and not be written over it. Errors in words.
  static Result<std::shared_ptr<const GeoDatabase>> open(const std::string& path);
  ~GeoDatabase();
  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;

  // The value at `path` ("country", "iso_code"; a number counts in a list) as text: strings as they are, true as 1,
  // fractions with five digits (as nginx's geoip2 module). Nothing: the address, or that of it, is not in the database,
  // or a map or list stands there. Any thread.
  std::optional<std::string> find(const SocketAddress& address, const std::vector<std::string>& path) const;
  // Seconds of Unix time.
  uint64_t built() const;

 private:
  struct Open;
  explicit GeoDatabase(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace weir
