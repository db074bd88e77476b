// Bytes of a TLS client before its session: the reader of hellos, and a handshake that is fed them whole and in pieces.
// uses: base io
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "io/tls_client_hello.h"
#include "io/tls_context.h"
#include "io/tls_handshake.h"
#include "unit/tls_certificates.h"

namespace {

using namespace weir;
using namespace weir::io;

void must(bool fact) {
  if (!fact) std::abort();
}

// Takes what is sent.
struct Sink final : Transport {
  void set_handler(TransportHandler*) override {}
  void want_read(bool) override {}
  int send(const std::string_view*, int, size_t*) override { return 0; }
  size_t queued() const override { return 0; }
  uint64_t bytes_sent() const override { return 0; }
  void shutdown_write() override {}
  void close() override { closed_ = true; }
  void reset() override { closed_ = true; }
  bool closed() const override { return closed_; }
  SocketAddress peer_address() const override { return {}; }
  SocketAddress local_address() const override { return {}; }
  bool closed_ = false;
};

std::shared_ptr<TlsContext> make_context() {
  const auto certificate = test::make_certificate();
  TlsOptions options;
  options.certificates.push_back({"data:" + certificate.pem(), "data:" + certificate.key_pem()});
  TlsReport report;
  return TlsContext::make(
      options, "fuzz", [](const std::string&) { return Result<std::string>(Unexpected{std::string()}); }, report);
}

void shake(Loop& loop, const TlsContext& context, std::string_view bytes, size_t piece) {
  Sink sink;
  TlsHandshake handshake(loop, context, sink);
  for (size_t at = 0; at < bytes.size(); at += piece)
    if (handshake.on_bytes(bytes.substr(at, piece)) != TlsHandshake::State::kMore) break;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Loop loop;
  static const std::shared_ptr<TlsContext> context = make_context();
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const ClientHello hello = read_client_hello(raw);
  must(hello.server_name.size() <= 255);
  must(hello.state == ClientHello::State::kWhole || hello.server_name.empty());
  if (hello.state == ClientHello::State::kMore) must(hello.missing > 0);
  // Once whole, more bytes change nothing; once broken, it stays so.
  for (size_t n = 1; n < size; n = n * 2 + 1) {
    const ClientHello part = read_client_hello(raw.substr(0, n));
    if (part.state == ClientHello::State::kMore) continue;
    must(part.state == hello.state && part.server_name == hello.server_name);
  }
  shake(loop, *context, raw, size == 0 ? 1 : size);
  shake(loop, *context, raw, 7);
  return 0;
}
