// One reader for both kinds of body.
#include "admin/body.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::admin {
namespace {

using nlohmann::json;

constexpr int64_t kLongestMs = 24LL * 3600 * 1000;
constexpr int64_t kMostWeight = 65'535;

// Takes members one by one; the first fault stays.
class Members {
 public:
  Members(const std::string& body, std::initializer_list<std::string_view> known)
      : object_(json::parse(body, nullptr, false)) {
    if (!object_.is_object()) {
      fail(object_.is_discarded() ? "the body is not JSON" : "the body is not a JSON object");
      return;
    }
    for (const auto& [name, value] : object_.items())
      if (std::find(known.begin(), known.end(), name) == known.end()) fail("unknown member \"" + name + "\"");
  }
  bool has(const char* name) const { return ok() && object_.contains(name); }
  bool is_null(const char* name) const { return has(name) && object_[name].is_null(); }

  std::string text(const char* name) {
    if (!has(name)) return {};
    if (!object_[name].is_string()) return fail(quoted(name) + " is not a string"), std::string();
    return object_[name].get<std::string>();
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    if (!has(name)) return out;
    if (!object_[name].is_array()) return fail(quoted(name) + " is not a list"), out;
    for (const json& each : object_[name]) {
      if (!each.is_string()) return fail(quoted(name) + " is not a list of strings"), out;
      out.push_back(each.get<std::string>());
    }
    return out;
  }
  bool truth(const char* name) {
    if (has(name) && object_[name].is_boolean()) return object_[name].get<bool>();
    fail(quoted(name) + " is not true, false or null");
    return false;
  }
  int64_t number(const char* name, int64_t least, int64_t most, int64_t otherwise) {
    if (!has(name)) return otherwise;
    const json& value = object_[name];
    const bool fits = value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) &&
                      value.get<int64_t>() >= least && value.get<int64_t>() <= most;
    if (fits) return value.get<int64_t>();
    fail(quoted(name) + " is not a number from " + std::to_string(least) + " to " + std::to_string(most));
    return otherwise;
  }
  // A reason that the log can print in one line.
  std::string why() {
    std::string text_of_why = text("why");
    if (text_of_why.size() > kLongestWhy) fail("\"why\" is longer than " + std::to_string(kLongestWhy) + " bytes");
    return text_of_why;
  }
  void fail(const std::string& error) {
    if (error_.empty()) error_ = error;
  }
  bool ok() const { return error_.empty(); }
  template <class T>
  Result<T> done(T value) {
    if (!ok()) return Unexpected{error_};
    return value;
  }

 private:
  static std::string quoted(const char* name) { return "\"" + std::string(name) + "\""; }
  json object_;
  std::string error_;
};

}  // namespace

Result<PeerChange> parse_peer_change(const std::string& body) {
  using Action = PeerChange::Action;
  Members members(body, {"action", "weight", "wait_ms", "spread_ms", "code", "why"});
  PeerChange change;
  const std::string action = members.text("action");
  constexpr std::pair<std::string_view, Action> kActions[] = {{"up", Action::kUp},
                                                              {"down", Action::kDown},
                                                              {"drain", Action::kDrain},
                                                              {"weight", Action::kWeight},
                                                              {"reset", Action::kReset}};
  const auto* const known =
      std::find_if(std::begin(kActions), std::end(kActions), [&](const auto& each) { return each.first == action; });
  if (known == std::end(kActions))
    members.fail("\"action\" is not one of drain, up, down, weight, reset");
  else
    change.action = known->second;
  if (change.action == Action::kWeight && !members.is_null("weight")) {
    if (!members.has("weight")) members.fail("\"weight\" is missing: a number, or null for the configuration's");
    change.weight = static_cast<uint32_t>(members.number("weight", 1, kMostWeight, 1));
  } else if (change.action != Action::kWeight && members.has("weight")) {
    members.fail("\"weight\" is for \"action\": \"weight\" alone");
  }
  for (const char* name : {"wait_ms", "spread_ms", "code"})
    if (change.action != Action::kDrain && members.has(name))
      members.fail("\"" + std::string(name) + "\" is for \"action\": \"drain\" alone");
  const DrainOptions defaults;
  change.drain.wait = Millis(members.number("wait_ms", 0, kLongestMs, defaults.wait.count()));
  change.drain.spread = Millis(members.number("spread_ms", 0, kLongestMs, defaults.spread.count()));
  change.drain.code = static_cast<uint16_t>(members.number("code", 1001, 1012, defaults.code));
  if (change.drain.code != 1001 && change.drain.code != 1012) members.fail("\"code\" is not 1001 or 1012");
  change.why = members.why();
  return members.done(std::move(change));
}

Result<MaintenanceChange> parse_maintenance_change(const std::string& body) {
  Members members(body, {"on", "server", "location", "why"});
  MaintenanceChange change;
  if (!members.has("on"))
    members.fail("\"on\" is missing: true, false, or null for the configuration's");
  else if (!members.is_null("on"))
    change.on = members.truth("on");
  change.server = members.text("server");
  change.location = members.text("location");
  if (change.server.empty() && !change.location.empty()) members.fail("a \"location\" needs its \"server\"");
  change.why = members.why();
  return members.done(std::move(change));
}

Result<ReloadChange> parse_reload_change(const std::string& body) {
  constexpr int64_t kMostWithin = 120'000;  // who asks waits 180 s
  Members members(body, {"verify", "within_ms"});
  ReloadChange change;
  change.verify = members.text("verify");
  if (change.verify.empty()) members.fail("\"verify\" is missing: the URL that is asked");
  change.within = Millis(members.number("within_ms", 1, kMostWithin, change.within.count()));
  return members.done(std::move(change));
}

Result<UpgradeChange> parse_upgrade_change(const std::string& body) {
  constexpr int64_t kMostWithin = 120'000;  // who asks waits 180 s
  UpgradeChange change;
  if (body.empty()) return change;
  Members members(body, {"binary", "within_ms"});
  change.binary = members.text("binary");
  if (!change.binary.empty() && change.binary.front() != '/') members.fail("\"binary\" must be an absolute path");
  change.within = Millis(members.number("within_ms", 1, kMostWithin, change.within.count()));
  return members.done(std::move(change));
}

Result<CachePurge> parse_cache_purge(const std::string& body) {
  Members members(body, {"key", "zone"});
  CachePurge purge;
  purge.key = members.text("key");
  purge.zone = members.text("zone");
  if (purge.key.empty()) members.fail("\"key\" is missing: a key, a prefix with \"*\" behind it, or \"*\"");
  return members.done(std::move(purge));
}

Result<runtime::ExplainRequest> parse_explain_request(const std::string& body) {
  Members members(body, {"url", "method", "client", "headers", "cookies"});
  runtime::ExplainRequest request;
  request.url = members.text("url");
  if (const std::string method = members.text("method"); !method.empty()) request.method = method;
  const std::string client = members.text("client");
  request.headers = members.texts("headers");
  request.cookies = members.texts("cookies");
  const auto address = SocketAddress::from_ip(client.empty() ? "127.0.0.1" : client, 0);
  if (address)
    request.client = *address;
  else
    members.fail("\"client\" is no address");
  if (const std::string wrong = runtime::fault_of(request); !wrong.empty()) members.fail(wrong);
  return members.done(std::move(request));
}

}  // namespace weir::admin
