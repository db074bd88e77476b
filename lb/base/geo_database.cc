#include "base/geo_database.h"

#include <maxminddb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace weir {
namespace {

std::string fraction_text(double value) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%.5f", value);
  return {text, static_cast<size_t>(size) < sizeof text ? static_cast<size_t>(size) : sizeof text - 1};
}

std::optional<std::string> text_of(const MMDB_entry_data_s& data) {
  switch (data.type) {
    case MMDB_DATA_TYPE_UTF8_STRING: return std::string(data.utf8_string, data.data_size);
    case MMDB_DATA_TYPE_BYTES: return std::string(reinterpret_cast<const char*>(data.bytes), data.data_size);
    case MMDB_DATA_TYPE_BOOLEAN: return data.boolean ? "1" : "0";
    case MMDB_DATA_TYPE_DOUBLE: return fraction_text(data.double_value);
    case MMDB_DATA_TYPE_FLOAT: return fraction_text(static_cast<double>(data.float_value));
    case MMDB_DATA_TYPE_UINT16: return std::to_string(data.uint16);
    case MMDB_DATA_TYPE_UINT32: return std::to_string(data.uint32);
    case MMDB_DATA_TYPE_INT32: return std::to_string(data.int32);
    case MMDB_DATA_TYPE_UINT64: return std::to_string(data.uint64);
    default: return std::nullopt;
  }
}

}  // namespace

struct GeoDatabase::Open {
  MMDB_s database{};
  ~Open() { MMDB_close(&database); }
};

GeoDatabase::GeoDatabase(std::unique_ptr<Open> open) : open_(std::move(open)) {}
GeoDatabase::~GeoDatabase() = default;

Result<std::shared_ptr<const GeoDatabase>> GeoDatabase::open(const std::string& path) {
  auto open = std::make_unique<Open>();
  const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &open->database);
  if (status == MMDB_SUCCESS) return std::shared_ptr<const GeoDatabase>(new GeoDatabase(std::move(open)));
  const std::string why =
      status == MMDB_IO_ERROR || status == MMDB_FILE_OPEN_ERROR ? std::strerror(errno) : MMDB_strerror(status);
  open->database = {};  // nothing of it is open
  return Unexpected{"database \"" + path + "\" cannot be opened (" + why + ")"};
}

std::optional<std::string> GeoDatabase::find(const SocketAddress& address, const std::vector<std::string>& path) const {
  sockaddr_storage storage{};
  if (address.is_unix() || address.to_sockaddr(storage) == 0) return std::nullopt;
  int status = MMDB_SUCCESS;
  MMDB_lookup_result_s found =
      MMDB_lookup_sockaddr(&open_->database, reinterpret_cast<const sockaddr*>(&storage), &status);
  if (status != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
  std::vector<const char*> words;
  words.reserve(path.size() + 1);
  for (const std::string& word : path) words.push_back(word.c_str());
  words.push_back(nullptr);
  MMDB_entry_data_s data{};
  if (MMDB_aget_value(&found.entry, &data, words.data()) != MMDB_SUCCESS || !data.has_data) return std::nullopt;
  return text_of(data);
}

uint64_t GeoDatabase::built() const {
  return open_->database.metadata.build_epoch;
}

}  // namespace weir
