// A file of a GeoDatabase that may hold another one later.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/geo_database.h"
#include "base/result.h"

namespace weir {

class GeoFile {
 public:
  // `interval`: how often it is looked at again; 0: never, it stays what it is. Errors as of GeoDatabase::open().
  static Result<std::shared_ptr<GeoFile>> open(const std::string& path, Millis interval);

  const std::string& path() const { return path_; }
  Millis interval() const { return interval_; }
  // Of what is in force; any thread.
  std::optional<std::string> find(const SocketAddress& address, const std::vector<std::string>& path) const;
  uint64_t built() const;

  // Takes the file's content into force where it is another than before: true. Where that cannot be opened the old one
  // stays, the error is told once, and each call tries again; a file that is missing is about to be replaced. Waits for
  // the disk: not on a loop. One thread at a time.
  Result<bool> refresh();

 private:
  using Stamp = std::vector<int64_t>;  // what tells one content of the file from another; empty: it is not there
  GeoFile(std::string path, Millis interval, Stamp stamp, std::shared_ptr<const GeoDatabase> database);
  static Stamp stamp_of(const std::string& path);
  std::shared_ptr<const GeoDatabase> current() const;

  const std::string path_;
  const Millis interval_;
  Stamp stamp_;               // of what is in force
  Stamp failed_;              // of what could not be opened and has been told of
  mutable std::mutex mutex_;  // where there is an interval
  std::shared_ptr<const GeoDatabase> database_;
};

}  // namespace weir
