#include "proxy/record_variables.h"

#include <ctime>

#include "base/arena_text.h"
#include "http/date.h"
#include "proxy/core.h"
#include "proxy/variable_values.h"

namespace weir::proxy {
namespace {

using observe::AttemptColumn;
using observe::ExchangeRecord;
using route::Var;
using route::VariableValue;

VariableValue status_text(int status, Arena& arena) {
  char* text = arena.allocate(3);
  text[0] = static_cast<char>('0' + status / 100 % 10);
  text[1] = static_cast<char>('0' + status / 10 % 10);
  text[2] = static_cast<char>('0' + status % 10);
  return found({text, 3});
}

// "Sunday, 06-Nov-1994 08:49:37 GMT": nginx's form where no ssi says another.
VariableValue date_text(int64_t wall_us, bool local, Arena& arena) {
  const auto seconds = static_cast<time_t>(wall_us / 1'000'000);
  tm parts{};
  if ((local ? localtime_r(&seconds, &parts) : gmtime_r(&seconds, &parts)) == nullptr) return {};
  char text[80];
  const size_t size = std::strftime(text, sizeof text, "%A, %d-%b-%Y %H:%M:%S %Z", &parts);
  return found(arena.copy({text, size}));
}

VariableValue attempts(const ExchangeRecord& record, AttemptColumn column, Arena& arena) {
  const std::string_view text = observe::render_attempts(record.attempts, column, arena);
  return {text, !text.empty()};
}

// How many times smaller a body has become: "3.27", as nginx rounds.
VariableValue gzip_ratio(const ExchangeRecord& record, Arena& arena) {
  if (record.gzip_out == 0) return {};
  const uint64_t thousandths = record.gzip_in * 1000 / record.gzip_out;
  const uint64_t hundredths = thousandths / 10 + (thousandths % 10 > 4 ? 1 : 0);
  const char fraction[] = {'.', static_cast<char>('0' + hundredths / 10 % 10),
                           static_cast<char>('0' + hundredths % 10)};
  return found(arena.concat({number_text(hundredths / 100, arena), {fraction, sizeof fraction}}));
}

}  // namespace

int64_t wall_time(const ExchangeRecord& record, Core& core) {
  return record.ended_wall_us != 0 ? record.ended_wall_us : core.loop().wall_us();
}

std::optional<VariableValue> record_variable(const ExchangeRecord& record, Var id, Core& core, Arena& arena) {
  switch (id) {
    case Var::kRequestLength: return found(number_text(record.request_length, arena));
    case Var::kBodyBytesSent: return found(number_text(record.body_bytes_sent, arena));
    case Var::kBytesSent: return found(number_text(record.bytes_sent, arena));
    case Var::kGzipRatio: return gzip_ratio(record, arena);
    case Var::kStatus: return status_text(record.status, arena);
    case Var::kRequestCompletion: return found(record.completed ? "OK" : "");
    case Var::kRequestTime: {
      const int64_t end = record.ended_us != 0 ? record.ended_us : core.loop().now_us();
      return found(observe::render_seconds(end - record.started_us, arena));
    }
    case Var::kMsec: {
      http::DateText text;
      return found(arena.copy(http::time_msec(wall_time(record, core), text)));
    }
    case Var::kDateGmt: return date_text(wall_time(record, core), false, arena);
    case Var::kDateLocal: return date_text(wall_time(record, core), true, arena);
    case Var::kTimeIso8601: {
      http::DateText text;
      const int64_t now = wall_time(record, core);
      return found(arena.copy(http::time_iso8601(now, core.utc_offset(now), text)));
    }
    case Var::kTimeLocal: return found(arena.copy(core.time_local(wall_time(record, core))));
    case Var::kUpstreamAddr: return attempts(record, AttemptColumn::kAddr, arena);
    case Var::kUpstreamStatus: return attempts(record, AttemptColumn::kStatus, arena);
    case Var::kUpstreamResponseTime: return attempts(record, AttemptColumn::kResponseTime, arena);
    case Var::kUpstreamConnectTime: return attempts(record, AttemptColumn::kConnectTime, arena);
    case Var::kUpstreamHeaderTime: return attempts(record, AttemptColumn::kHeaderTime, arena);
    case Var::kUpstreamBytesSent: return attempts(record, AttemptColumn::kBytesSent, arena);
    case Var::kUpstreamBytesReceived: return attempts(record, AttemptColumn::kBytesReceived, arena);
    case Var::kUpstreamResponseLength: return attempts(record, AttemptColumn::kResponseLength, arena);
    case Var::kUpstreamReason: return attempts(record, AttemptColumn::kReason, arena);
    default: return std::nullopt;
  }
}

}  // namespace weir::proxy
