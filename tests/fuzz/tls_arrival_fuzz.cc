// What a client says to a listener that speaks TLS, from its first byte: cut anywhere, with time, a reload or an end in
// between. No handshake goes on with a hello whose server name weir has not understood, and whatever comes, time ends
// it. uses: base http policy io route observe upstream filter proxy
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../sim/tls_end.h"
#include "../sim/world.h"
#include "base/log.h"
#include "io/tls_client_hello.h"

namespace {

using namespace weir;
using namespace weir::sim;

void must(bool fact) {
  if (!fact) std::abort();
}

const SocketAddress kListen = ip("127.0.0.1", 443);

class Run {
 public:
  Run(observe::AccessLogWriter& writer, TlsSite& tls) : world_(writer), tls_(tls) {
    adopt();
    client_ = world_.accept(kListen);
    client_->most_read = io::TransportHandler::kUsualRead;
  }

  // Pieces: the low six bits of a byte and the next one are a length, the upper two say what comes behind the piece.
  void play(std::string_view input) {
    while (input.size() >= 2) {
      const size_t size = (static_cast<size_t>(input[0]) & 0x3f) << 8 | static_cast<uint8_t>(input[1]);
      const int then = static_cast<uint8_t>(input[0]) >> 6;
      input.remove_prefix(2);
      say(input.substr(0, size));
      input.remove_prefix(std::min(size, input.size()));
      if (then == 1) world_.advance(500);
      if (then == 2) adopt();
      if (then == 3) client_->room = client_->room == kUnlimited ? 100 : kUnlimited;
      check();
    }
  }
  void finish() {
    client_->inbound_fin = true;
    while (client_->deliver()) {
    }
    check();
    for (int i = 0; i < 40; ++i) {
      world_.advance(i < 20 ? 1'000 : 4'000'000);
      check();
    }
    must(client_->closed);
    must(world_.core->sessions() == 0 && world_.core->handshakes() == 0);
    must(world_.core->live_epochs() == 1);
    must(world_.loop.armed() == 0 && world_.loop.chunks().outstanding() == 0);
  }

 private:
  void adopt() {
    SiteMaker maker(shared_, ++generation_);
    maker.returning("/", 200, "local");
    maker.shaken_by(kListen, tls_.context);
    world_.core->adopt(maker.make({kListen}));
  }
  void say(std::string_view bytes) {
    said_ += bytes;
    client_->inbound.append(bytes);
    while (client_->deliver()) {
    }
  }
  void check() {
    must(client_->misuse == nullptr);
    must(world_.count(observe::Counter::kStateErrors) == 0);
    must(world_.core->sessions() == (client_->closed ? 0U : 1U));
    must(world_.core->handshakes() <= 1);
    if (client_->outbound.empty() || said_.empty() || !io::begins_tls(said_[0])) return;
    // A flight of the server's begins with its hello, in a record of the handshake.
    const bool shakes = client_->outbound[0] == 0x16;
    if (shakes) must(io::read_client_hello(said_).state == io::ClientHello::State::kWhole);
  }

  Shared shared_;
  World world_;
  TlsSite& tls_;
  std::shared_ptr<Wire> client_;
  std::string said_;
  uint64_t generation_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = log::configure({}).has_value();
  static observe::AccessLogWriter writer;
  static TlsSite tls;
  must(quiet);
  Run run(writer, tls);
  run.play({reinterpret_cast<const char*>(data), size});
  run.finish();
  return 0;
}
