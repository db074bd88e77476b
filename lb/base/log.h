// The error log: spdlog behind a facade, so that fmt and spdlog are compiled in one place only. Levels are nginx's.
// info = life cycle, notice = start/stop/reload, warn = misconfiguration or a peer's change, error = our fault. A
// request's facts go to the access log. Hot sites use a LogLimit.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir {

enum class LogLevel : uint8_t { kDebug, kInfo, kNotice, kWarn, kError, kCrit, kAlert, kEmerg };
std::string_view to_string(LogLevel level);

// Where lines go: "stderr", a file, or "syslog:server=unix:/dev/log,facility=...,tag=...,severity=...".
struct LogTarget {
  std::string target = "stderr";
  LogLevel level = LogLevel::kError;
};

namespace log {

// Opens the targets, then swaps them in; the old ones live on if one cannot be opened. No target: nothing is logged.
// The first call starts the logger thread; before it, lines of notice and graver go straight to stderr. Control thread
// only.
Status<> configure(const std::vector<LogTarget>& targets);
// Opens all targets anew (USR1). One that cannot be opened keeps its old file and is named in the error. Control thread
// only.
Status<> reopen();
// Waits until what was written before is out or lost, two seconds at most. Exit does it by itself.
void flush();
bool enabled(LogLevel level);
// One line: "2026/01/02 03:04:05 [warn] 123#4: TEXT". Non-printable bytes are escaped; never blocks:
// what a full disk or a stalled reader does not take is dropped and counted, and a line says how many once it flows
// again.
void write(LogLevel level, std::string_view text);
// Lines lost since the start.
uint64_t dropped();

// std::string concatenation without <fmt> in headers: log::warn("peer ", name, " is down").
inline void append_to(std::string& out, std::string_view piece) {
  out += piece;
}
inline void append_to(std::string& out, const char* piece) {
  out += piece;
}
inline void append_to(std::string& out, const std::string& piece) {
  out += piece;
}
inline void append_to(std::string& out, char piece) {
  out += piece;
}
template <class T>
requires std::is_arithmetic_v<T>
void append_to(std::string& out, T piece) {
  out += std::to_string(piece);
}
template <class... Pieces>
void line(LogLevel level, const Pieces&... pieces) {
  if (!enabled(level)) return;
  std::string text;
  (append_to(text, pieces), ...);
  write(level, text);
}
template <class... P>
void debug(const P&... p) {
  line(LogLevel::kDebug, p...);
}
template <class... P>
void info(const P&... p) {
  line(LogLevel::kInfo, p...);
}
template <class... P>
void notice(const P&... p) {
  line(LogLevel::kNotice, p...);
}
template <class... P>
void warn(const P&... p) {
  line(LogLevel::kWarn, p...);
}
template <class... P>
void error(const P&... p) {
  line(LogLevel::kError, p...);
}
template <class... P>
void crit(const P&... p) {
  line(LogLevel::kCrit, p...);
}
template <class... P>
void emerg(const P&... p) {
  line(LogLevel::kEmerg, p...);
}

}  // namespace log

// Lets one line a second through a hot site, `if (limit.pass(now)) log::warn(..., limit.dropped())`, from any thread. A
// member of what the line speaks of, never static: of two dead upstreams both are named.
class LogLimit {
 public:
  static constexpr MonoMs kWindow = 1'000;

  bool pass(MonoMs now);
  // How a line that passed ends: empty, or " (37 such lines dropped)" since the one before.
  std::string dropped();

 private:
  std::atomic<MonoMs> next_{0};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace weir
