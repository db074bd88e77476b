// The model gives the reasons for what the run has decided.
#include "runtime/explain_route.h"

#include <optional>

#include "base/regex.h"
#include "route/host_table.h"

namespace weir::runtime {
namespace {

using config::ListenModel;
using config::LocationModel;
using config::ServerModel;
using route::LocationKind;

bool matches(const std::string& name, const std::string& host) {
  route::HostTable table;
  return table.add(name, 0).has_value() && table.find(host) == 0;
}
std::optional<std::string> name_that_matches(const ServerModel& server, const std::string& host) {
  for (const std::string& name : server.names)
    if (matches(name, host)) return name;
  return std::nullopt;
}

std::string label_of(const ServerModel& server) {
  return (server.names.front().empty() ? "\"\"" : server.names.front()) + " (" + server.position + ")";
}

const std::string& written(const LocationModel& location) {
  return location.settings.pattern;
}

std::string why(const LocationModel& chosen) {
  switch (chosen.kind) {
    case LocationKind::kExact: return "it is the path";
    case LocationKind::kPrefix: return "the longest prefix of the path";
    case LocationKind::kPrefixFinal: return "the longest prefix, and \"^~\" lets no regular expression be tried";
    case LocationKind::kRegex:
    case LocationKind::kRegexNoCase: return "the first regular expression that matches the path";
    case LocationKind::kNamed: return "by its name";
  }
  return {};
}

std::string why_not(const LocationModel& location, const LocationModel* chosen, const std::string& path) {
  const LocationKind kind = chosen != nullptr ? chosen->kind : LocationKind::kNamed;
  switch (location.kind) {
    case LocationKind::kNamed: return "for internal redirects";
    case LocationKind::kExact: return "it is not the path";
    case LocationKind::kPrefix:
    case LocationKind::kPrefixFinal:
      if (!path.starts_with(location.pattern)) return "the path does not begin with it";
      if (kind == LocationKind::kExact) return "an exact location goes before it";
      if (kind == LocationKind::kRegex || kind == LocationKind::kRegexNoCase)
        return "a regular expression that matches goes before it";
      return "it is shorter";
    case LocationKind::kRegex:
    case LocationKind::kRegexNoCase: break;
  }
  const auto regex = Regex::compile(location.pattern, location.kind == LocationKind::kRegexNoCase);
  const auto outcome = regex ? regex->run(path, nullptr) : Regex::Outcome::kNo;
  if (outcome == Regex::Outcome::kNo) return "it does not match the path";
  if (outcome == Regex::Outcome::kFailed) return "its regex gives up on the path, which makes the request a 500";
  if (kind == LocationKind::kExact) return "an exact location goes before it";
  if (kind == LocationKind::kPrefixFinal) return "\"^~\" of the longest prefix goes before it";
  return "it stands behind one that matches";
}

void tell_of_others(ExplainText& out, const std::vector<LocationModel>& all, const LocationModel* chosen,
                    const std::string& path, size_t& named) {
  for (const LocationModel& each : all) {
    if (&each == chosen) {
      tell_of_others(out, each.nested, nullptr, path, named);
      continue;
    }
    const bool holds_it = chosen != nullptr && find_location(each.nested, chosen->settings.pattern) == chosen;
    if (!holds_it && ++named <= ExplainText::kMostOthers)
      out.more("not " + written(each) + ": " + why_not(each, chosen, path));
    if (holds_it) tell_of_others(out, each.nested, chosen, path, named);
  }
}

void tell_of_rules(ExplainText& out, const LocationModel& location) {
  std::string text;
  for (const filter::AccessRule& rule : location.settings.access.rules)
    text += std::string(text.empty() ? "" : "; ") + (rule.allow ? "allow " : "deny ") +
            (rule.range ? rule.range->to_string() : "all");
  if (!text.empty()) out.line("access", text);
}

}  // namespace

const ServerModel& tell_of_server(ExplainText& out, const config::Model& model, const ListenModel& listen,
                                  const std::string& host) {
  std::vector<const ServerModel*> here;
  const ServerModel* default_server = nullptr;
  route::HostTable table;
  for (const ServerModel& server : model.servers)
    for (const ListenModel& each : server.listens) {
      if (!(each.address == listen.address)) continue;
      for (const std::string& name : server.names) (void)table.add(name, static_cast<int>(here.size()));
      here.push_back(&server);
      if (default_server == nullptr || each.default_server) default_server = &server;
    }
  const int index = table.find(host);
  const ServerModel& chosen = index >= 0 ? *here[static_cast<size_t>(index)] : *default_server;
  const std::optional<std::string> by = name_that_matches(chosen, host);
  out.line("server", label_of(chosen) + ": " +
                         (index >= 0 && by ? "its name \"" + *by + "\" matches"
                                           : "the default of this listen, no name matches \"" + host + "\""));
  size_t named = 0;
  for (const ServerModel* other : here) {
    if (other == &chosen || ++named > ExplainText::kMostOthers) continue;
    out.more("not " + label_of(*other) + ": " +
             (name_that_matches(*other, host) ? "another name goes before the one of it that matches"
                                              : "no name of it matches"));
  }
  out.rest(named);
  return chosen;
}

void tell_of_steps(ExplainText& out, const DryRun& run) {
  bool first = true;
  std::string path;
  for (const DryStep& step : run.steps) {
    if (step.kind == DryStep::Kind::kLocation) {
      if (!first) out.more("the location of " + step.path + " is looked for");
      path = step.path;
      continue;
    }
    std::string text = step.text;
    if (!step.took)
      text += ": does not match";
    else if (step.path != path)
      text += ": the path is now " + step.path;
    path = step.path;
    out.line(first ? "rewrite" : "", text);
    first = false;
  }
}

const LocationModel* find_location(const std::vector<LocationModel>& all, const std::string& pattern) {
  for (const LocationModel& each : all) {
    if (each.settings.pattern == pattern) return &each;
    if (const LocationModel* inside = find_location(each.nested, pattern)) return inside;
  }
  return nullptr;
}

void tell_of_location(ExplainText& out, const ServerModel& server, const DryRun& run) {
  if (run.path.empty()) return out.line("location", "none was looked for");
  const LocationModel* chosen = run.location.empty() ? nullptr : find_location(server.locations, run.location);
  out.line("location", chosen == nullptr ? "none matches " + run.path + ": the server's own settings"
                                         : written(*chosen) + " (" + chosen->position + "): " + why(*chosen));
  size_t named = 0;
  tell_of_others(out, server.locations, chosen, run.path, named);
  out.rest(named);
  if (chosen != nullptr) tell_of_rules(out, *chosen);
}

}  // namespace weir::runtime
