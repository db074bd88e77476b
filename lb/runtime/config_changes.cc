#include "runtime/config_changes.h"

#include <map>

#include "config/difference.h"
#include "io/tls_context.h"
#include "runtime/certificate_watch.h"

namespace weir::runtime {

std::vector<std::string> config_changes(const config::Model& before, const config::Model& after) {
  std::vector<std::string> changes = config::differences(before, after);
  std::map<std::string, std::string> serials;
  for (const io::CertificateFacts& each : certificates_of(before)) serials.emplace(each.where, each.serial);
  for (const io::CertificateFacts& each : certificates_of(after)) {
    const auto old = serials.find(each.where);
    if (old != serials.end() && old->second != each.serial)
      changes.push_back("~ certificate " + each.where + ": serial " + each.serial + " (was " + old->second + ")");
  }
  return changes;
}

}  // namespace weir::runtime
