#include "process/handover_items.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/packing.h"
#include "base/system.h"

namespace weir::process {
namespace {

constexpr size_t kMostItems = 65'536;
constexpr size_t kPerPacket = 96;  // each with a path of at most some hundred bytes

void pack_address(Packer& out, const SocketAddress& address) {
  out.u8(address.is_unix() ? 1 : address.is_ipv6() ? 6 : address.is_ipv4() ? 4 : 0);
  out.text(address.is_unix() ? address.path() : address.empty() ? std::string() : address.ip());
  out.u32(address.port());
}

// False: it makes no sense.
bool unpack_address(Unpacker& in, SocketAddress& address) {
  const uint8_t family = in.u8();
  const std::string_view text = in.text();
  const uint32_t port = in.u32();
  if (in.failed() || port > UINT16_MAX) return false;
  if (family == 0) return text.empty();
  if (family == 1) {
    address = SocketAddress::from_unix(text);
    return text.size() <= SocketAddress::kLongestUnixPath;
  }
  const auto ip = SocketAddress::from_ip(text, static_cast<uint16_t>(port));
  if (!ip || ip->is_ipv4() != (family == 4)) return false;
  address = *ip;
  return true;
}

bool is_known(uint8_t kind) {
  return kind >= 1 && kind <= static_cast<uint8_t>(HandoverItem::Kind::kNotify);
}

}  // namespace

std::string pack_items(const HandoverItem* items, size_t count) {
  Packer out;
  for (const HandoverItem* item = items; item != items + count; ++item) {
    Packer one;
    one.text(item->name);
    pack_address(one, item->address);
    one.u8(item->passed ? 1 : 0);
    one.i64(item->watchdog.count());
    out.u8(static_cast<uint8_t>(item->kind));
    out.text(one.bytes());
  }
  return out.take();
}

Result<std::vector<HandoverItem>> unpack_items(std::string_view body, std::vector<OwnedFd> descriptors) {
  std::vector<HandoverItem> items;
  Unpacker in(body);
  const Unexpected<std::string> unpaired{
      std::string("descriptors came without their descriptions, or without themselves")};
  size_t index = 0;
  for (; !in.at_end(); ++index) {
    const uint8_t kind = in.u8();
    Unpacker one(in.text());
    if (in.failed() || index == descriptors.size()) return unpaired;
    if (!is_known(kind)) continue;
    HandoverItem& item = items.emplace_back();
    item.kind = static_cast<HandoverItem::Kind>(kind);
    item.name = std::string(one.text());
    const bool good = unpack_address(one, item.address);
    item.passed = one.u8() != 0;
    item.watchdog = Millis(std::max<int64_t>(one.i64(), 0));
    item.fd = std::move(descriptors[index]);
    if (one.failed() || !good || (item.kind == HandoverItem::Kind::kListener && item.address.empty()))
      return Unexpected{std::string("a descriptor is described in a way that makes no sense")};
  }
  if (index != descriptors.size()) return unpaired;
  return items;
}

Status<> send_items(HandoverChannel& channel, const std::vector<HandoverItem>& items, MonoMs deadline) {
  for (size_t at = 0; at < items.size(); at += kPerPacket) {
    const size_t count = std::min(kPerPacket, items.size() - at);
    std::vector<int> descriptors;
    for (size_t i = at; i < at + count; ++i) {
      if (items[i].fd.get() < 0) return Unexpected{call_failed("dup()", EMFILE)};
      descriptors.push_back(items[i].fd.get());
    }
    if (Status<> sent = channel.send(HandoverStep::kDescriptors, pack_items(&items[at], count), descriptors, deadline);
        !sent)
      return sent;
  }
  return channel.send(HandoverStep::kPrepare, {}, {}, deadline);
}

Result<std::vector<HandoverItem>> receive_items(HandoverChannel& channel, MonoMs deadline) {
  std::vector<HandoverItem> all;
  for (;;) {
    Result<HandoverPacket> packet = channel.receive(deadline);
    if (!packet) return Unexpected{packet.error()};
    if (packet->step == HandoverStep::kPrepare) return all;
    if (packet->step != HandoverStep::kDescriptors)
      return Unexpected{std::string("the handover has taken an unexpected turn")};
    Result<std::vector<HandoverItem>> items = unpack_items(packet->body, std::move(packet->descriptors));
    if (!items) return items;
    std::move(items->begin(), items->end(), std::back_inserter(all));
    if (all.size() > kMostItems) return Unexpected{std::string("too many descriptors")};
  }
}

}  // namespace weir::process
