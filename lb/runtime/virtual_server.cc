// Locations into tables.
#include "runtime/virtual_server.h"

#include <utility>

#include "cache/zone.h"
#include "filter/compress.h"
#include "filter/gunzip.h"
#include "filter/maintenance.h"
#include "filter/substitute.h"
#include "io/tls_peer_context.h"
#include "proxy/content.h"
#include "runtime/access_filters.h"
#include "runtime/site_builder.h"

namespace weir::runtime {
namespace {

class VirtualServerBuilder {
 public:
  VirtualServerBuilder(AccessLogFiles& logs, MaintenanceSwitches& maintenance, Registry& registry,
                       std::vector<std::string>& errors)
      : logs_(logs), maintenance_(maintenance), registry_(registry), errors_(errors) {}

  std::unique_ptr<proxy::VirtualServer> build(const config::ServerModel& model) {
    server_->name = model.names.empty() ? std::string() : model.names.front();
    if (server_->name.starts_with('.')) server_->name.erase(0, 1);  // ".shop.test" is shop.test and what is below it
    label_ = server_label(model);
    names_ = model.names;
    server_->settings = model.server;
    server_->rewrite = model.settings.rewrite;
    server_->fallback = complete(model.settings, "", model.position);
    server_->fallback.rewrite.clear();
    fill(server_->table, model.locations);
    return std::move(server_);
  }

 private:
  void fill(route::LocationTable& table, const std::vector<config::LocationModel>& models) {
    for (const config::LocationModel& model : models) {
      const int index = static_cast<int>(server_->locations.size());
      server_->locations.push_back(
          std::make_unique<proxy::Location>(complete(model.settings, model.settings.pattern, model.position)));
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

  proxy::Location complete(proxy::Location settings, const std::string& location, const std::string& position) {
    settings.access_logs = logs_.open(settings.access_logs, position, errors_);
    maintenance_.apply(label_, location, position, settings);
    // `return` answers before anybody is asked who he is, as nginx's rewrite phase does.
    if (!settings.returns)
      add_access_filters(settings, location.empty() ? "server " + label_ : "location " + location, registry_);
    if (settings.limit_except != nullptr) {
      auto copy = std::make_shared<proxy::LimitExcept>(*settings.limit_except);
      copy->settings = std::make_shared<proxy::Location>(complete(*copy->settings, location, position));
      settings.limit_except = std::move(copy);
    }
    add_body_filters(settings);
    add_referers(settings, position);
    settings.tls.context = io::TlsPeerContext::in_force(settings.tls.context);
    add_cache(settings, position);
    settings.content = proxy::make_content(settings);
    for (proxy::RewriteStep& step : settings.rewrite)
      if (step.settings != nullptr)
        step.settings = std::make_shared<proxy::Location>(complete(*step.settings, location, position));
    return settings;
  }

  static void add_body_filters(proxy::Location& settings) {
    if (settings.gunzip) proxy::add_filter(settings, filter::make_gunzip(settings.compress));
    if (!settings.substitute.list.empty()) proxy::add_filter(settings, filter::make_substitute(settings.substitute));
    if (settings.compress.gzip.on || settings.compress.brotli.on)
      proxy::add_filter(settings, filter::make_compress(settings.compress));
  }

  void add_cache(proxy::Location& settings, const std::string& position) {
    proxy::CacheOptions& cache = settings.cache;
    if ((cache.zone == nullptr && !cache.name) || !settings.pass) return;
    if (cache.zone != nullptr) cache.running = run_cache(*cache.zone, position);
    if (cache.name)
      for (const auto& zone : cache.named) cache.all_running.push_back(run_cache(*zone, position));
    if (cache.key.empty())
      cache.key = *route::Template::compile("$scheme$proxy_host$request_uri", route::VariableNames());
    for (const std::string& name : settings.ignore_headers) {
      cache.ignored.accel_expires = cache.ignored.accel_expires || name == "x-accel-expires";
      cache.ignored.cache_control = cache.ignored.cache_control || name == "cache-control";
      cache.ignored.expires = cache.ignored.expires || name == "expires";
      cache.ignored.set_cookie = cache.ignored.set_cookie || name == "set-cookie";
      cache.ignored.vary = cache.ignored.vary || name == "vary";
    }
  }

  std::shared_ptr<cache::Zone> run_cache(const cache::ZoneOptions& zone, const std::string& position) {
    if (const Status<> good = cache::Zone::check(zone); !good)
      errors_.push_back(position + ": error: cache \"" + zone.name + "\": " + good.error());
    return registry_.cache(zone);
  }

  void add_referers(proxy::Location& settings, const std::string& position) {
    auto made = route::Referers::make(settings.valid_referers, names_);
    if (!made)
      errors_.push_back(position + ": error: " + made.error());
    else if (!made->empty())
      settings.referers = std::make_shared<const route::Referers>(std::move(*made));
  }

  AccessLogFiles& logs_;
  MaintenanceSwitches& maintenance_;
  Registry& registry_;
  std::vector<std::string> names_;
  std::vector<std::string>& errors_;
  std::string label_;
  std::unique_ptr<proxy::VirtualServer> server_ = std::make_unique<proxy::VirtualServer>();
};

}  // namespace

std::string server_label(const config::ServerModel& model) {
  for (const std::string& name : model.names)
    if (!name.empty()) return name;
  return model.listens.empty() ? std::string() : model.listens.front().address.to_string();
}

std::shared_ptr<const proxy::AccessLogs> AccessLogFiles::open(const std::shared_ptr<const proxy::AccessLogs>& logs,
                                                              const std::string& position,
                                                              std::vector<std::string>& errors) {
  if (!logs || writer_ == nullptr) return nullptr;
  if (const auto known = opened_.find(logs); known != opened_.end()) return known->second;
  auto copy = std::make_shared<proxy::AccessLogs>(*logs);
  for (proxy::AccessLogTarget& target : *copy) {
    Result<observe::LogFile> file = writer_->open(target.options.path);
    if (file)
      target.file = std::move(*file);
    else
      errors.push_back(position + ": error: " + file.error());
  }
  return opened_.emplace(logs, std::move(copy)).first->second;
}

void MaintenanceSwitches::apply(const std::string& server, const std::string& location, const std::string& position,
                                proxy::Location& settings) {
  seen_.emplace(server, location);
  const MaintenanceOverride* said = overrides_.maintenance_of(server, location);
  if (said != nullptr && !said->on && settings.maintenance.on && warned_.insert(said).second) {
    contradicted_.push_back(position +
                            ": maintenance: operator override \"off\" in force over \"on\" of the configuration" +
                            (said->why.empty() ? "" : " (\"" + said->why + "\")"));
  }
  settings.maintenance.on = said != nullptr ? said->on : settings.maintenance.on;
  if (settings.maintenance.on) proxy::add_filter(settings, filter::make_maintenance(settings.maintenance));
}

void MaintenanceSwitches::note(BuiltSite& out) const {
  out.contradicted.insert(out.contradicted.end(), contradicted_.begin(), contradicted_.end());
  for (const auto& [key, said] : overrides_.maintenance) {
    if (seen_.count(key) != 0) continue;
    const std::string place = key.second.empty() ? "" : "location \"" + key.second + "\" of ";
    out.orphans.push_back(place + "server \"" + key.first + "\": maintenance override \"" + (said.on ? "on" : "off") +
                          "\" kept unused (no such place)");
  }
}

std::unique_ptr<proxy::VirtualServer> build_virtual_server(const config::ServerModel& model, AccessLogFiles& logs,
                                                           MaintenanceSwitches& maintenance, Registry& registry,
                                                           std::vector<std::string>& errors) {
  return VirtualServerBuilder(logs, maintenance, registry, errors).build(model);
}

}  // namespace weir::runtime
