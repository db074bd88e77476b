#include "proxy/proxy_protocol_step.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/core.h"

namespace weir::proxy {
namespace {

class ProxyProtocolStep final : public ArrivalStep {
 public:
  explicit ProxyProtocolStep(std::vector<Cidr> trusted) : trusted_(std::move(trusted)) {}
  bool waits_for_bytes() const override { return false; }
  std::unique_ptr<Progress> begin() const override { return std::make_unique<Header>(*this); }

 private:
  struct Header final : Progress {
    explicit Header(const ProxyProtocolStep& of) : step(of) {}
    Verdict on_bytes(Arriving& connection) override {
      if (!trusted && !step.trusts(connection.remote)) {
        refusal = "set_real_ip_from does not name it as a proxy that may send a PROXY header";
        return Verdict::kRefused;
      }
      trusted = true;
      http::ProxyHeader header;
      const http::ProxyHeaderRead read = http::read_proxy_header(connection.unread, header);
      switch (read.state) {
        case http::ProxyHeaderRead::State::kMore: return Verdict::kMore;
        case http::ProxyHeaderRead::State::kInvalid: refusal = read.why; return Verdict::kRefused;
        case http::ProxyHeaderRead::State::kDone: break;
      }
      const bool is_text = connection.unread.front() == 'P';  // version 1 begins with "PROXY "
      connection.core->counters().add(is_text ? observe::Counter::kProxyHeadersV1 : observe::Counter::kProxyHeadersV2);
      connection.unread.erase(0, read.size);
      if (read.announces) connection.details.announced = std::move(header);
      return Verdict::kDone;
    }
    std::string_view why() const override { return refusal; }

    const ProxyProtocolStep& step;  // the arrival's epoch keeps it
    bool trusted = false;
    std::string_view refusal;
  };

  // A proxy that nobody named is a mistake of the configuration: said louder than what clients do.
  bool trusts(const SocketAddress& remote) const {
    if (std::any_of(trusted_.begin(), trusted_.end(), [&](const Cidr& each) { return each.contains(remote); }))
      return true;
    if (refused_.pass(monotonic_us() / 1000))
      log::warn("client ", remote.ip(),
                ": connection refused (it may send no PROXY header; if it is a proxy of yours, ",
                "name it in set_real_ip_from)", refused_.dropped());
    return false;
  }

  const std::vector<Cidr> trusted_;
  mutable LogLimit refused_;
};

}  // namespace

std::unique_ptr<const ArrivalStep> make_proxy_protocol_step(std::vector<Cidr> trusted) {
  return std::make_unique<ProxyProtocolStep>(std::move(trusted));
}

}  // namespace weir::proxy
