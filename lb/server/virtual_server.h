// One server{} as the snapshot holds it: its locations in their tables, its access logs opened.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "observe/access_log.h"
#include "proxy/site.h"

namespace weir::server {

// Opens the files of access logs; locations that inherit one list go on sharing it.
class AccessLogFiles {
 public:
  explicit AccessLogFiles(observe::LogWriter& writer) : writer_(writer) {}
  // An error is added for each file that cannot be opened, once.
  std::shared_ptr<const proxy::AccessLogs> open(const std::shared_ptr<const proxy::AccessLogs>& logs,
                                                const std::string& position, std::vector<std::string>& errors);

 private:
  observe::LogWriter& writer_;
  std::map<std::shared_ptr<const proxy::AccessLogs>, std::shared_ptr<const proxy::AccessLogs>> opened_;
};

std::unique_ptr<proxy::VirtualServer> build_virtual_server(const config::ServerModel& model, AccessLogFiles& logs,
                                                           std::vector<std::string>& errors);

}  // namespace weir::server
