// The $names that the record of an exchange answers alone: of a running exchange, and of a tunnel that has outlived
// its own.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "observe/record.h"
#include "route/variable.h"

namespace weir::proxy {

class Core;

// Unix time of the record's end; of now, while it has none.
int64_t wall_time(const observe::ExchangeRecord& record, Core& core);

// Nothing: not one of those. `id` alone decides.
std::optional<route::VariableValue> record_variable(const observe::ExchangeRecord& record, route::Var id, Core& core,
                                                    Arena& arena);

}  // namespace weir::proxy
