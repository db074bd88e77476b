// maintenance: a location that answers 503 with a page and Retry-After, but for the operators' own addresses. It costs
// nothing while it is off: the snapshot is built with this filter only where it is on.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/sockaddr.h"
#include "filter/filter.h"

namespace weir::filter {

struct MaintenanceOptions {
  bool on = false;                 // `maintenance on;`, the operator's switch (weir ctl maintenance) goes before it
  std::string page;                // the body; read from maintenance_page's file at load. Empty: weir's own
  std::string page_file;           // as written
  std::string type = "text/html";  // of the page, by its file's name
  int retry_after = 60;            // seconds; 0: none
  std::vector<Cidr> allow;         // who is served all the same, by the address after real_ip
};

std::shared_ptr<const Filter> make_maintenance(MaintenanceOptions options);

}  // namespace weir::filter
