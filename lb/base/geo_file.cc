#include "base/geo_file.h"

#include <sys/stat.h>

#include <utility>

namespace weir {

GeoFile::GeoFile(std::string path, Millis interval, Stamp stamp, std::shared_ptr<const GeoDatabase> database)
    : path_(std::move(path)), interval_(interval), stamp_(std::move(stamp)), database_(std::move(database)) {}

GeoFile::Stamp GeoFile::stamp_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {static_cast<int64_t>(found.st_dev), static_cast<int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec,
          found.st_mtim.tv_nsec};
}

Result<std::shared_ptr<GeoFile>> GeoFile::open(const std::string& path, Millis interval) {
  Stamp stamp = stamp_of(path);  // before it is opened: what takes its place meanwhile is seen by the next look
  auto database = GeoDatabase::open(path);
  if (!database) return Unexpected{std::move(database.error())};
  return std::shared_ptr<GeoFile>(new GeoFile(path, interval, std::move(stamp), std::move(*database)));
}

std::shared_ptr<const GeoDatabase> GeoFile::current() const {
  const std::lock_guard lock(mutex_);
  return database_;
}

std::optional<std::string> GeoFile::find(const SocketAddress& address, const std::vector<std::string>& path) const {
  return interval_.count() == 0 ? database_->find(address, path) : current()->find(address, path);
}

uint64_t GeoFile::built() const {
  return current()->built();
}

Result<bool> GeoFile::refresh() {
  Stamp stamp = stamp_of(path_);
  if (stamp.empty() || stamp == stamp_) return false;
  auto database = GeoDatabase::open(path_);
  if (!database) {  // it may open later as it stands: its mode is another then, or there is a descriptor left for it
    if (stamp == failed_) return false;
    failed_ = std::move(stamp);
    return Unexpected{std::move(database.error())};
  }
  stamp_ = std::move(stamp);
  failed_.clear();
  {
    const std::lock_guard lock(mutex_);
    database_.swap(*database);
  }
  return true;  // the old one is closed here, or by who still looks something up in it
}

}  // namespace weir
