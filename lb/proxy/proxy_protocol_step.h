// `listen ... proxy_protocol`: the header in front of a connection, believed of trusted proxies alone.
#pragma once
#include <memory>
#include <vector>

#include "base/sockaddr.h"
#include "proxy/arrival_step.h"

namespace weir::proxy {

// Who is not in `trusted` is refused before anything is read; who is must send a header, within the arrival's time.
std::unique_ptr<const ArrivalStep> make_proxy_protocol_step(std::vector<Cidr> trusted);

}  // namespace weir::proxy
