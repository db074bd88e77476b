#include "filter/real_ip.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::filter {
namespace {

// "10.0.0.1", "10.0.0.1:4711", "[::1]:4711", "::1".
std::optional<SocketAddress> parse_address(std::string_view text) {
  if (auto plain = SocketAddress::from_ip(text, 0)) return plain;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_decimal(text.substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  return SocketAddress::from_ip(text.substr(0, colon), static_cast<uint16_t>(*port));
}

}  // namespace

bool RealIpOptions::is_trusted(const SocketAddress& peer) const {
  return std::any_of(trusted.begin(), trusted.end(), [&](const Cidr& block) { return block.contains(peer); });
}

SocketAddress real_ip(const RealIpOptions& options, const SocketAddress& peer, const http::RequestHead& request,
                      const SocketAddress* announced) {
  if (!options.trusts(peer)) return peer;
  if (options.header == RealIpOptions::kProxyProtocol) return announced != nullptr ? *announced : peer;
  // The last field of that name comes from the proxy that is nearest; each is a list that grew to the right.
  SocketAddress client = peer;
  for (int i = request.fields.size() - 1; i >= 0; --i) {
    const http::Field& field = request.fields.begin()[i];
    if (!iequals(field.name, options.header)) continue;
    std::string_view list = field.value;
    for (;;) {
      // As nginx: commas and white space separate, however many stand together.
      const size_t end = list.find_last_not_of(", \t");
      if (end == std::string_view::npos) break;
      const size_t before = list.find_last_of(", \t", end);
      const std::string_view last = list.substr(before + 1, end - before);
      const auto address = parse_address(last);
      if (!address) return client;
      client = address->unmapped();
      if (!options.recursive || !options.trusts(client)) return client;
      if (before == std::string_view::npos) break;
      list = list.substr(0, before);
    }
  }
  return client;
}

}  // namespace weir::filter
