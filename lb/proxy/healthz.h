// healthz [UPSTREAM ...]: whether whoever stands in front of weir should send it requests.
#pragma once
#include <memory>

#include "proxy/content.h"
#include "proxy/location.h"

namespace weir::proxy {

// 200 while this weir accepts and each of the upstreams has a peer that takes requests; else 503, and a line for each
// reason.
std::shared_ptr<const ContentHandler> make_healthz(const Healthz& healthz);

}  // namespace weir::proxy
