// A server's handshake over a transport that somebody else reads from, and the TLS transport that comes out of it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "io/tls_facts.h"
#include "io/transport.h"

namespace weir::io {

class TlsContext;
class TlsEngine;

class TlsHandshake {
 public:
  enum class State : uint8_t { kMore, kDone, kFailed };

  // Answers go to `transport`, which outlives it or is given to finish(). The context may go at once.
  TlsHandshake(Loop& loop, const TlsContext& context, Transport& transport);
  ~TlsHandshake();

  // What was read of the transport; all of it is taken. Not again after another state than kMore.
  State on_bytes(std::string_view bytes);
  const std::string& why() const { return why_; }  // after kFailed; the client has been told

  // After kDone, once: puts TLS around the transport it ran on. What the client has sent behind the handshake is added
  // to `early`, in plain.
  std::unique_ptr<Transport> finish(std::unique_ptr<Transport> transport, std::string& early);
  // After kDone, before finish().
  std::shared_ptr<const TlsFacts> facts(const std::string& server_name, bool with_offer) const;

  // Tells a client that no server of that name is here (ssl_reject_handshake).
  static void reject(Transport& transport);

 private:
  std::unique_ptr<TlsEngine> engine_;
  std::string early_;
  std::string why_;
  bool closed_ = false;
};

}  // namespace weir::io
