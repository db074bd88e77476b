#include "proxy/tunnel_log.h"

#include <algorithm>

#include "proxy/core.h"
#include "proxy/record_variables.h"
#include "route/map.h"

namespace weir::proxy {
namespace {

using route::Var;

bool is_late(Var id) {
  switch (id) {
    case Var::kRequestLength:
    case Var::kConnectionTime:
    case Var::kBodyBytesSent:
    case Var::kBytesSent:
    case Var::kMsec:
    case Var::kRequestCompletion:
    case Var::kRequestTime:
    case Var::kTimeIso8601:
    case Var::kTimeLocal:
    case Var::kUpstreamBytesReceived:
    case Var::kUpstreamBytesSent:
    case Var::kUpstreamReason:
    case Var::kUpstreamResponseLength:
    case Var::kUpstreamResponseTime: return true;
    default: return false;
  }
}

}  // namespace

TunnelLog::TunnelLog(Core& core, std::shared_ptr<const AccessLogs> logs, const route::VariableSource& source,
                     const observe::ExchangeRecord& record, int64_t connection_started_us)
    : core_(core),
      logs_(std::move(logs)),
      record_(record),
      attempts_(record.attempts.begin(), record.attempts.end()),
      connection_started_us_(connection_started_us) {
  record_.attempts.clear();
  for (observe::Attempt& attempt : attempts_) attempt.peer = {};  // a view of the snapshot; $upstream_addr is taken
  Arena& scratch = core_.scratch();
  for (const AccessLogTarget& target : *logs_) {
    values_.add(target.options.format->text(), source, is_late, scratch);
    if (target.options.condition != nullptr) values_.add(*target.options.condition, source, is_late, scratch);
  }
  values_.shrink();
}

void TunnelLog::write(const TunnelResult& result) {
  record_.request_length += result.from_client;
  record_.bytes_sent += result.to_client;
  record_.body_bytes_sent += result.passed_on;
  record_.error = result.error;
  record_.completed = result.error == ErrorKind::kNone;
  record_.ended_us = core_.loop().now_us();
  record_.ended_wall_us = core_.loop().wall_us();
  observe::Attempt& last = attempts_.back();
  last.ended_us = record_.ended_us;
  last.error = result.error;
  last.bytes_sent += result.to_peer;
  last.bytes_received += result.from_peer;
  last.response_length = std::max<int64_t>(last.response_length, 0) + static_cast<int64_t>(result.from_peer);
  Arena& scratch = core_.scratch();
  for (const observe::Attempt& attempt : attempts_) record_.attempts.add(scratch) = attempt;
  for (const AccessLogTarget& target : *logs_) {
    core_.log().log(target.file, target.options, *this, scratch, core_.loop().now());
    core_.log_written(target.options.flush);
  }
}

route::VariableValue TunnelLog::variable(const route::VariableRef& ref, Arena& arena) const {
  if (const auto* entry = values_.find(ref)) return values_.value(*entry);
  if (ref.id == Var::kMap) return {ref.map->lookup(*this, arena), true};
  if (ref.id == Var::kConnectionTime)
    return {observe::render_seconds(core_.loop().now_us() - connection_started_us_, arena), true};
  return record_variable(record_, ref.id, core_, arena).value_or(route::VariableValue());
}

}  // namespace weir::proxy
