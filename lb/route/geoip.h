// A variable of a geoip2{}: what a database says of an address (the module ngx_http_geoip2_module for nginx).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/geo_file.h"
#include "route/finder.h"

namespace weir::route {

class GeoIp final : public Finder {
 public:
  // `otherwise`: the value where the database has none.
  GeoIp(std::shared_ptr<const GeoFile> file, std::vector<std::string> path, std::string otherwise)
      : file_(std::move(file)), path_(std::move(path)), otherwise_(std::move(otherwise)) {}

  // `text`: an address. The value is in the arena.
  std::string_view find(std::string_view text, const VariableSource& source, Arena& arena) const override;

 private:
  std::shared_ptr<const GeoFile> file_;
  std::vector<std::string> path_;
  std::string otherwise_;
};

// $NAME metadata build_epoch: the same of every address.
class GeoIpBuilt final : public Finder {
 public:
  explicit GeoIpBuilt(std::shared_ptr<const GeoFile> file) : file_(std::move(file)) {}
  std::string_view find(std::string_view, const VariableSource&, Arena& arena) const override;

 private:
  std::shared_ptr<const GeoFile> file_;
};

}  // namespace weir::route
