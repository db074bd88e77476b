// What of a received head is not for the next hop.
#pragma once
#include "http/head.h"

namespace weir::http {

// Drops the hop-by-hop fields and what Connection names (RFC 9110 7.6.1), before weir adds its own fields. Connection
// cannot take away what carries meaning end to end: nothing that has a token, no Content-*, X-Forwarded-*, Sec-* or
// X-Accel-*, no Via, and nothing that weir added (CVE-2024-45410, CVE-2022-31813).
void drop_hop_by_hop(FieldList& fields);

}  // namespace weir::http
