// The access-log lines of a tunnel, prepared when it opens: what the request said is taken then, and the exchange, its
// arena and the snapshot may go. Bytes, durations and the outcome are filled in at the end.
#pragma once
#include <memory>
#include <vector>

#include "observe/record.h"
#include "proxy/location.h"
#include "proxy/tunnel.h"
#include "route/frozen_variables.h"

namespace weir::proxy {

class TunnelLog final : public TunnelRecord, private route::VariableSource {
 public:
  // Copies `record` and what the logs ask `source` for.
  TunnelLog(Core& core, std::shared_ptr<const AccessLogs> logs, const route::VariableSource& source,
            const observe::ExchangeRecord& record, int64_t connection_started_us);

  void write(const TunnelResult& result) override;

 private:
  route::VariableValue variable(const route::VariableRef& ref, Arena& arena) const override;

  Core& core_;
  std::shared_ptr<const AccessLogs> logs_;
  observe::ExchangeRecord record_;  // its attempts are those below
  std::vector<observe::Attempt> attempts_;
  int64_t connection_started_us_;
  route::FrozenVariables values_;
};

}  // namespace weir::proxy
