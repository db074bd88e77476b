#include "server/succession.h"

#include <utility>

#include "base/log.h"
#include "base/packing.h"
#include "process/handover_items.h"
#include "process/successor.h"

namespace weir::server {
namespace {

using process::HandoverItem;
using process::HandoverStep;

// The other one is there and only sends; it also ends a successor that takes too long.
constexpr MonoMs kPatience = 30'000;
// For one answer of its control thread, which control of this one waits for.
constexpr MonoMs kAnnouncePatience = 2'000;

Unexpected<std::string> from_predecessor(const std::string& why) {
  return Unexpected{"the weir before: " + why};
}

}  // namespace

std::unique_ptr<Succession> Succession::take() {
  std::optional<OwnedFd> channel = process::take_handover();
  if (!channel) return nullptr;
  return std::unique_ptr<Succession>(new Succession(std::move(*channel)));  // NOLINT: the constructor is private
}

Status<> Succession::receive() {
  const MonoMs deadline = monotonic_ms() + kPatience;
  const Result<process::HandoverPacket> hello = channel_.expect(HandoverStep::kHello, deadline);
  if (!hello) return from_predecessor(hello.error());
  Unpacker in(hello->body);
  if (const uint32_t format = in.u32(); format != process::kHandoverFormat)
    return Unexpected{"the weir before hands over in format " + std::to_string(format) + ", this one knows " +
                      std::to_string(process::kHandoverFormat)};
  Result<std::vector<HandoverItem>> items = receive_items(channel_, deadline);
  if (!items) return from_predecessor(items.error());
  for (HandoverItem& item : *items) {
    switch (item.kind) {
      case HandoverItem::Kind::kListener:
        sockets.push_back({item.address, item.passed, std::move(item.name), std::move(item.fd)});
        break;
      case HandoverItem::Kind::kPidFile:
        pid_path = std::move(item.name);
        pid_file = std::move(item.fd);
        break;
      case HandoverItem::Kind::kAdmin:
        admin_path = std::move(item.name);
        admin = std::move(item.fd);
        break;
      case HandoverItem::Kind::kNotify:
        supervisor = process::Supervisor::inherit(std::move(item.fd), item.watchdog);
        break;
    }
  }
  return Void{};
}

Result<runtime::HandedState> Succession::ready() {
  const MonoMs deadline = monotonic_ms() + kPatience;
  if (Status<> sent = channel_.send(HandoverStep::kReady, {}, {}, deadline); !sent)
    return from_predecessor(sent.error());
  std::string bytes;
  for (;;) {
    Result<process::HandoverPacket> packet = channel_.receive(deadline);
    if (!packet) return from_predecessor(packet.error());
    if (packet->step == HandoverStep::kGo) break;
    if (packet->step != HandoverStep::kState) return from_predecessor("the handover has taken an unexpected turn");
    if (bytes.size() + packet->body.size() > runtime::kMostHandedBytes) return from_predecessor("its state has no end");
    bytes += packet->body;
  }
  Result<runtime::HandedState> state = runtime::unpack_state(bytes, monotonic_ms());
  if (!state) return from_predecessor("its state makes no sense: " + state.error());
  return state;
}

void Succession::serving() {
  const MonoMs deadline = monotonic_ms() + kAnnouncePatience;
  Status<> sent = channel_.send(HandoverStep::kServing, {}, {}, deadline);
  const auto word = sent ? channel_.expect(HandoverStep::kAnnounce, deadline)
                         : Result<process::HandoverPacket>(Unexpected{sent.error()});
  if (!word) log::warn("weir before this one: no word that it lets go (", word.error(), ")");
}

void Succession::failed(const std::string& why) {
  constexpr size_t kMost = 8 * 1024;
  (void)channel_.send(HandoverStep::kFailed, std::string_view(why).substr(0, kMost), {}, monotonic_ms() + 1'000);
}

}  // namespace weir::server
