// What the blocking and the asynchronous resolver share: a c-ares channel and one question on it. Private to io/.
#pragma once
#include <ares.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/dns.h"

namespace weir::io {

using ResolveDone = std::function<void(Result<ResolveAnswer>)>;

// Null when c-ares has no memory or a server is not "ip", "ip:port" or "[ip]:port". `on_socket` may be null.
ares_channel make_dns_channel(const std::vector<std::string>& servers, ares_sock_state_cb on_socket, void* arg);

// `done` runs exactly once, perhaps before this returns; when the channel is cancelled or destroyed it gets an error.
// The question's servers and timeout are the channel's business.
void ask_dns(ares_channel channel, const DnsQuestion& question, ResolveDone done);

Unexpected<std::string> host_not_found(const std::string& name, const char* why = nullptr);

}  // namespace weir::io
