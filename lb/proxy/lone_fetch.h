// A fetch for a cache whose client has gone: its exchange goes on until the answer is stored, and nobody reads it.
#pragma once
#include <memory>

#include "base/intrusive_list.h"
#include "io/loop.h"
#include "proxy/downstream.h"

namespace weir::policy {
struct PeerState;
}

namespace weir::proxy {

class Core;
class Exchange;

class LoneFetch final : public io::Buriable, public ListNode, private Downstream {
 public:
  static constexpr size_t kMost = 1024;  // of a worker, under way at once

  // `client`: the stream that the exchange answered to, while it is still there.
  LoneFetch(Core& core, const Downstream& client);
  ~LoneFetch() override;
  LoneFetch(const LoneFetch&) = delete;
  LoneFetch& operator=(const LoneFetch&) = delete;

  // Once. Its end has the Core bury this.
  void begin(std::unique_ptr<Exchange> exchange);
  void close();  // ends it; nothing is stored
  // As of a session's request.
  void peer_down(const policy::PeerState& state);

 private:
  Sent send(const Message&) override { return {}; }
  size_t held() const override { return 0; }
  http::SentFraming framing(int status, const http::OutBody& body) override;
  void update_read() override {}  // its request is here as a whole
  std::unique_ptr<Exchange> leave() override;
  void finish() override;
  void reset(ErrorKind) override { finish(); }
  void become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) override;
  const ConnectionInfo& connection() const override { return info_; }
  SocketAddress local_address() const override { return local_; }
  uint32_t connection_requests() const override { return requests_; }

  Core& core_;
  ConnectionInfo info_;
  SocketAddress local_;
  uint32_t requests_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace weir::proxy
