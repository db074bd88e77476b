// Locations into tables.
#include "server/virtual_server.h"

#include <utility>

namespace weir::server {
namespace {

class VirtualServerBuilder {
 public:
  VirtualServerBuilder(AccessLogFiles& logs, std::vector<std::string>& errors) : logs_(logs), errors_(errors) {}

  std::unique_ptr<proxy::VirtualServer> build(const config::ServerModel& model) {
    server_->name = model.names.empty() ? std::string() : model.names.front();
    server_->limits = model.limits;
    server_->header_timeout = model.header_timeout;
    server_->fallback = opened(model.settings, model.position);
    fill(server_->table, model.locations);
    return std::move(server_);
  }

 private:
  void fill(route::LocationTable& table, const std::vector<config::LocationModel>& models) {
    for (const config::LocationModel& model : models) {
      const int index = static_cast<int>(server_->locations.size());
      server_->locations.push_back(std::make_unique<proxy::Location>(opened(model.settings, model.position)));
      const route::LocationTable* nested = nullptr;
      if (!model.nested.empty()) {
        server_->nested.push_back(std::make_unique<route::LocationTable>());
        route::LocationTable& inner = *server_->nested.back();
        fill(inner, model.nested);
        nested = &inner;
      }
      // nginx answers 301 to "/x" where only "/x/" is proxied.
      const bool add_slash = model.settings.pass.has_value() && model.pattern.ends_with('/');
      if (Status<> added = table.add(model.kind, model.pattern, index, nested, add_slash); !added)
        errors_.push_back(model.position + ": error: " + added.error());
    }
    table.freeze();
  }

  proxy::Location opened(proxy::Location settings, const std::string& position) {
    settings.access_logs = logs_.open(settings.access_logs, position, errors_);
    return settings;
  }

  AccessLogFiles& logs_;
  std::vector<std::string>& errors_;
  std::unique_ptr<proxy::VirtualServer> server_ = std::make_unique<proxy::VirtualServer>();
};

}  // namespace

std::shared_ptr<const proxy::AccessLogs> AccessLogFiles::open(const std::shared_ptr<const proxy::AccessLogs>& logs,
                                                              const std::string& position,
                                                              std::vector<std::string>& errors) {
  if (!logs) return nullptr;
  if (const auto known = opened_.find(logs); known != opened_.end()) return known->second;
  auto copy = std::make_shared<proxy::AccessLogs>(*logs);
  for (proxy::AccessLogTarget& target : *copy) {
    Result<int> file = writer_.open(target.options.path);
    if (file)
      target.file = *file;
    else
      errors.push_back(position + ": error: " + file.error());
  }
  return opened_.emplace(logs, std::move(copy)).first->second;
}

std::unique_ptr<proxy::VirtualServer> build_virtual_server(const config::ServerModel& model, AccessLogFiles& logs,
                                                           std::vector<std::string>& errors) {
  return VirtualServerBuilder(logs, errors).build(model);
}

}  // namespace weir::server
