// A whole client connection: its bytes, its peers' bytes, the time between them, a reload, a drain. Whatever comes, the
// contract with the transports holds, and when nobody says anything any more, time ends it all.
// uses: base http policy io route observe upstream filter proxy
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../sim/world.h"
#include "base/log.h"

namespace {

using namespace weir;
using namespace weir::sim;

void must(bool fact) {
  if (!fact) std::abort();
}

const SocketAddress kListen = ip("127.0.0.1", 80);

class Run {
 public:
  explicit Run(observe::AccessLogWriter& writer) : world_(writer) {
    adopt();
    client_ = world_.accept(kListen);
  }

  // One letter says who does what; what is said follows with its length, two bytes.
  void play(std::string_view input) {
    while (!input.empty()) {
      const char what = input.front();
      input.remove_prefix(1);
      switch (what) {
        case 'c': tell(*client_, text(input)); break;
        case 'p':
          if (!peers_.empty()) tell(*peers_.back(), text(input));
          break;
        case 'o':
          if (!world_.connecting.empty()) peers_.push_back(world_.connecting.front()->succeed());
          break;
        case 'x':
          if (!world_.connecting.empty()) world_.connecting.front()->fail(ErrorKind::kConnectRefused);
          break;
        case 't': world_.advance(static_cast<MonoMs>(number(input)) * 100); break;
        case 'T': world_.turn(); break;
        case 'f': end(*client_, 0); break;
        case 'F':
          if (!peers_.empty()) end(*peers_.back(), 0);
          break;
        case 'r': end(*client_, -ECONNRESET); break;
        case 'R':
          if (!peers_.empty()) end(*peers_.back(), -ECONNRESET);
          break;
        case 'w': client_->room = number(input); break;
        case 'W':
          if (!peers_.empty()) peers_.back()->room = number(input);
          break;
        case 'g': client_->grant(kUnlimited); break;
        case 'G':
          if (!peers_.empty()) peers_.back()->grant(kUnlimited);
          break;
        case 'a': adopt(); break;
        case 'd': world_.core->begin_drain(); break;
        default: return;
      }
      check();
    }
  }
  void finish() {
    world_.core->begin_drain();
    for (int i = 0; i < 40; ++i) {
      world_.advance(i < 20 ? 1'000 : 4'000'000);
      check();
    }
    must(world_.core->sessions() == 0);
    must(world_.core->live_epochs() == 1);
    must(world_.loop.armed() == 0);
    must(world_.loop.chunks().outstanding() == 0);
    must(client_->closed);
    for (const auto& peer : peers_) must(peer->closed);
    for (const auto& [name, state] : shared_.peers) must(state->inflight.load() == 0);
    for (const auto& [name, inflight] : shared_.inflight) must(inflight->load() == 0);
  }

 private:
  void adopt() {
    SiteMaker maker(shared_);
    const int app = maker.upstream("app", {"10.0.0.1", "10.0.0.2"});
    maker.proxied("/", app);
    maker.proxied("/old", app).http10 = true;
    maker.proxied("/deaf", app).ignore_client_abort = true;
    maker.returning("/local", 200, "local");
    world_.core->adopt(maker.make({kListen}));
  }
  static size_t number(std::string_view& input) {
    size_t n = 0;
    for (int i = 0; i < 2 && !input.empty(); ++i) {
      n = n << 8 | static_cast<uint8_t>(input.front());
      input.remove_prefix(1);
    }
    return n;
  }
  static std::string_view text(std::string_view& input) {
    const size_t size = number(input);
    const std::string_view piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    return piece;
  }
  static void tell(Wire& wire, std::string_view bytes) {
    if (wire.inbound_fin || wire.inbound_error != 0) return;
    wire.inbound.append(bytes);
    while (wire.deliver()) {
    }
  }
  static void end(Wire& wire, int error) {
    wire.inbound_fin = error == 0;
    wire.inbound_error = error;
    while (wire.deliver()) {
    }
  }
  void check() {
    must(client_->misuse == nullptr);
    for (const auto& peer : peers_) must(peer->misuse == nullptr);
    must(world_.count(observe::Counter::kStateErrors) == 0);
    must(world_.core->sessions() == (client_->closed ? 0U : 1U));
  }

  Shared shared_;
  World world_;
  std::shared_ptr<Wire> client_;
  std::vector<std::shared_ptr<Wire>> peers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = log::configure({}).has_value();
  static observe::AccessLogWriter writer;
  must(quiet);
  Run run(writer);
  run.play({reinterpret_cast<const char*>(data), size});
  run.finish();
  return 0;
}
