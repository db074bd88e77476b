// Words and columns.
#include "ctl/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::ctl {
namespace {

using nlohmann::json;

const json kNothing;

const json& at(const json& object, const char* name) {
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

// What a terminal must not be told: names and reasons come from files and peers.
std::string clean(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string text(const json& object, const char* name) {
  const json& value = at(object, name);
  return value.is_string() ? clean(value.get<std::string>()) : std::string();
}

int64_t number(const json& object, const char* name) {
  const json& value = at(object, name);
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

bool truth(const json& object, const char* name) {
  const json& value = at(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::string counted(int64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string with(const std::string& word, const char* between, const std::string& more) {
  return more.empty() ? word : word + between + more;
}

// "0.3 s", "12 s", "5 min", "3 h", "2 d".
std::string age(int64_t ms) {
  if (ms < 10'000) return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
  const int64_t seconds = ms / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " d";
}

std::string micros(int64_t us) {
  return us < 1000 ? std::to_string(us) + " us" : std::to_string(us / 1000) + " ms";
}

std::string open_in(const json& of, const char* requests, const char* tunnels) {
  return counted(number(of, requests), "request") + ", " + counted(number(of, tunnels), "WebSocket");
}

std::string state_of(const json& peer) {
  const std::string state = text(peer, "state"), detail = text(peer, "detail");
  const json& drain = at(peer, "drain");
  std::string words = with(state, ", ", detail);
  if (state == "unhealthy") {
    words = with("down", ": ", detail);
  } else if (state == "down" || state == "drained") {
    words = with(state, " ", detail);
  } else if (state == "draining") {
    words = text(drain, "phase") == "finishing"
                ? "draining, " + open_in(drain, "requests_left", "tunnels_left") + " open"
                : with(state, " ", detail);
  }
  if (state == "drained" && text(drain, "phase") == "closing")
    words = "draining, closing " + counted(number(drain, "tunnels_left"), "WebSocket");
  return truth(peer, "backup") ? words + " (backup)" : words;
}

std::string weight_of(const json& peer) {
  const int64_t weight = number(peer, "weight"), configured = number(peer, "configured_weight");
  std::string words = std::to_string(weight);
  if (weight != configured) words += " (not " + std::to_string(configured) + ")";
  return words;
}

// Of several checks the one that says down, else the first.
std::string check_of(const json& peer) {
  const json& checks = at(peer, "checks");
  if (!checks.is_array() || checks.empty()) return "-";
  const json* shown = &checks.front();
  for (const json& check : checks) {
    if (text(check, "standing") != "down") continue;
    shown = &check;
    break;
  }
  const json& last = at(*shown, "last");
  if (!last.is_array() || last.empty()) return "none yet";
  const json& result = last.front();
  std::string words = truth(result, "passed") ? "ok " + micros(number(result, "micros")) : text(result, "reason");
  words += ", " + age(number(result, "ago_ms")) + " ago";
  return truth(*shown, "void") ? words + " (all fail: void)" : words;
}

// Columns as wide as their widest cell; numbers at the right.
class Table {
 public:
  struct Column {
    const char* title;
    bool right;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.emplace_back(column.title);
    add(std::move(titles));
  }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string print() const {
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string space(width(i) - row[i].size(), ' ');
        line += (i == 0 ? "" : "  ") + (columns_[i].right ? space + row[i] : row[i] + space);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  size_t width(size_t column) const {
    size_t most = 0;
    for (const auto& row : rows_) most = std::max(most, row[column].size());
    return most;
  }
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

json parsed(const std::string& text_of_json) {
  return json::parse(text_of_json, nullptr, false);
}

std::string joined(const json& peers) {
  std::string words;
  if (!peers.is_object()) return words;
  for (const char* state : {"up", "ejected", "unhealthy", "draining", "drained", "down"})
    if (const int64_t n = number(peers, state); n != 0)
      words += (words.empty() ? "" : ", ") + std::to_string(n) + " " + state;
  return words.empty() ? "none" : words;
}

std::string place(const json& maintenance) {
  const std::string server = text(maintenance, "server"), location = text(maintenance, "location");
  const std::string name = server.empty() ? "\"\"" : server;
  return location.empty() || location.front() == '/' ? name + location : name + "/" + location;
}

std::string maintenance_lines(const json& list) {
  std::string out;
  if (!list.is_array()) return out;
  for (const json& each : list) {
    out += place(each) + ": " + (truth(each, "on") ? "on" : "off") + ", by the " + text(each, "by");
    if (const std::string since = text(each, "since"); !since.empty()) out += " since " + since;
    out += with("", ": ", text(each, "why")) + "\n";
  }
  return out;
}

// "valid, next 2026-11-28T12:00:00Z", "failed (refused: ...), next ..."; empty: it does not come by ACME.
std::string acme_of(const json& certificate) {
  std::string state = text(certificate, "state");
  if (const std::string error = text(certificate, "error"); !error.empty()) state += " (" + error + ")";
  return with(state, ", next ", text(certificate, "next_try"));
}

}  // namespace

std::string peers_table(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  Table table({{"PEER", false},
               {"STATE", false},
               {"WEIGHT", true},
               {"INFLIGHT", true},
               {"WS", true},
               {"REQUESTS", true},
               {"FAILED", true},
               {"LAST CHECK", false}});
  bool any = false;
  const auto add = [&](const json& upstream) {
    const json& peers = at(upstream, "peers");
    if (!peers.is_array()) return;
    if (peers.empty()) {
      table.add({text(upstream, "name") + "/-", "no peer: its names do not resolve", "", "", "", "", "", ""});
      any = true;
    }
    for (const json& peer : peers) {
      any = true;
      table.add({text(peer, "peer"), state_of(peer), weight_of(peer),
                 std::to_string(number(peer, "requests_in_flight")), std::to_string(number(peer, "tunnels")),
                 std::to_string(number(peer, "requests")), std::to_string(number(peer, "failures")), check_of(peer)});
    }
  };
  const json& upstreams = at(answer, "upstreams");
  if (upstreams.is_array())
    for (const json& upstream : upstreams) add(upstream);
  else
    add(answer);
  return any ? table.print() : "there is no upstream\n";
}

std::string certificates_table(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  const json& all = at(answer, "certificates");
  if (!all.is_array() || all.empty()) return "there is no certificate\n";
  Table table({{"CERTIFICATE", false},
               {"NAMES", false},
               {"KEY", false},
               {"DAYS LEFT", true},
               {"SERIAL", false},
               {"ACME", false}});
  for (const json& each : all) {
    std::string names;
    const json& listed = at(each, "names");
    if (listed.is_array())
      for (const json& name : listed)
        if (name.is_string()) names += (names.empty() ? "" : ",") + clean(name.get<std::string>());
    const int64_t left = number(each, "days_left");
    const bool is_there = !text(each, "serial").empty();
    table.add({text(each, "file"), names, text(each, "key"),
               !is_there  ? "none yet"
               : left < 0 ? "expired"
                          : std::to_string(left),
               text(each, "serial"), acme_of(each)});
  }
  return table.print();
}

std::string caches_table(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  const json& all = at(answer, "caches");
  if (!all.is_array() || all.empty()) return "there is no cache\n";
  Table table({{"CACHE", false}, {"ANSWERS", true}, {"BYTES", true}, {"HITS", true}, {"MISSES", true}, {"", false}});
  for (const json& each : all) {
    const json& outcomes = at(each, "outcomes");
    table.add({text(each, "name"), std::to_string(number(each, "answers")), std::to_string(number(each, "bytes")),
               std::to_string(number(outcomes, "HIT")), std::to_string(number(outcomes, "MISS")),
               truth(each, "loading") ? "loading" : ""});
  }
  return table.print();
}

std::string purge_text(const std::string& text_of_json) {
  return counted(number(parsed(text_of_json), "purged"), "answer") + " purged\n";
}

std::string status_text(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  const json& reloads = at(answer, "reloads");
  std::string out = "weir " + text(answer, "version") + ", pid " + std::to_string(number(answer, "pid")) + ", up " +
                    age(number(answer, "uptime_ms")) + (truth(answer, "shutting_down") ? ", shutting down" : "") + "\n";
  out += "configuration  " + text(answer, "config") + ", generation " + std::to_string(number(answer, "generation")) +
         ", " + counted(number(answer, "servers"), "server") + "\n";
  const std::string when = text(reloads, "at");
  out += "last reload    " + (when.empty()           ? "none since the start"
                              : truth(reloads, "ok") ? "ok, " + when
                              : truth(reloads, "unverified_in_force")
                                  ? "FAILED, " + when + ": the new configuration is in force, and is not verified"
                                  : "FAILED, " + when + ": the previous configuration is in force");
  out += " (" + std::to_string(number(reloads, "succeeded")) + " ok, " + std::to_string(number(reloads, "failed")) +
         " failed)\n";
  out += "traffic        " + counted(number(answer, "workers"), "worker") + ", " +
         counted(number(answer, "connections"), "connection") + ", " + counted(number(answer, "tunnels"), "WebSocket") +
         ", " + counted(number(answer, "requests"), "request") + ", " +
         std::to_string(number(answer, "responses_5xx")) + " answered 5xx\n";
  if (const int64_t full = number(answer, "workers_full"); full != 0)
    out += "connections    FULL in " + counted(full, "worker") + " (limit " +
           std::to_string(number(answer, "connections_limit")) + " in all, none idle): new clients wait\n";
  else if (number(answer, "connections_displaced") != 0 || number(answer, "connections_full") != 0)
    out += "connections    limit " + std::to_string(number(answer, "connections_limit")) +
           " was reached: " + counted(number(answer, "connections_displaced"), "idle connection") +
           " closed for new ones, " + counted(number(answer, "connections_full"), "time") + " none was idle\n";
  out +=
      "peers          " + joined(at(answer, "peers")) + "; " + counted(number(answer, "probes"), "active check") + "\n";
  if (const int64_t lost = number(answer, "log_lines_dropped"); lost != 0)
    out += "log            " + counted(lost, "line") + " lost: a disk or a reader of a log is too slow\n";
  const std::string maintenance = maintenance_lines(at(answer, "maintenance"));
  if (!maintenance.empty()) out += "maintenance\n" + maintenance;
  return out;
}

std::string reload_text(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  std::string out = "reloaded: generation " + std::to_string(number(answer, "generation")) + "\n";
  const json& changes = at(answer, "changes");
  if (changes.is_array())
    for (const json& change : changes)
      if (change.is_string()) out += "  " + clean(change.get<std::string>()) + "\n";
  return out;
}

std::string upgrade_text(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  return "upgraded: process " + std::to_string(number(answer, "pid")) + " serves, process " +
         std::to_string(number(answer, "before")) + " finishes its " + std::to_string(number(answer, "connections")) +
         " connections\n";
}

std::string maintenance_text(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  const std::string lines = maintenance_lines(at(answer, "maintenance"));
  return lines.empty() ? "maintenance: off everywhere\n" : lines;
}

std::string peer_line(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  const json& peer = at(answer, "peer");
  return text(peer, "peer") + ": " + state_of(peer) + ", weight " + weight_of(peer);
}

std::vector<std::string> warnings_in(const std::string& text_of_json) {
  const json answer = parsed(text_of_json);
  std::vector<std::string> found;
  const json& warnings = at(answer, "warnings");
  if (warnings.is_array())
    for (const json& warning : warnings)
      if (warning.is_string()) found.push_back(clean(warning.get<std::string>()));
  return found;
}

std::string error_text(const std::string& text_of_json, int status) {
  const json answer = parsed(text_of_json);
  std::string out = text(answer, "error");
  if (out.empty()) out = "weir answered " + std::to_string(status);
  for (const char* list : {"errors", "peers", "upstreams"}) {
    const json& more = at(answer, list);
    if (!more.is_array()) continue;
    for (const json& each : more)
      if (each.is_string()) out += "\n  " + clean(each.get<std::string>());
  }
  return out;
}

DrainReport drain_report(const std::string& text_of_json) {
  using End = DrainReport::End;
  const json answer = parsed(text_of_json);
  const json& peer = at(answer, "peer");
  const json& drain = at(peer, "drain");
  const std::string phase = text(drain, "phase");
  if (phase == "finishing") return {End::kRunning, open_in(drain, "requests_left", "tunnels_left") + " open"};
  if (phase == "closing")
    return {End::kRunning, "closing WebSockets, " + std::to_string(number(drain, "tunnels_left")) + " left"};
  if (phase == "done")
    return {number(drain, "overdue") != 0 || number(drain, "tunnels_left") != 0 ? End::kLate : End::kDone,
            text(drain, "summary")};
  if (text(peer, "state") == "drained") return {End::kDone, "is drained"};
  return {End::kUndone, "the drain was undone: it is " + state_of(peer)};
}

}  // namespace weir::ctl
