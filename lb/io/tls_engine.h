// One TLS connection without its socket: ciphertext in by feed(), ciphertext out to a transport, plain bytes on the
// other side. Everything that a call makes for the wire goes out in one send. Private to io/tls*.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "io/tls_facts.h"
#include "io/tls_openssl.h"
#include "io/transport.h"

namespace weir::io {

// Of one loop, shared by its connections: each call leaves it empty.
struct TlsScratch {
  static constexpr size_t kRecord = 16 * 1024;
  static constexpr size_t kOut = 8 * (kRecord + 64);  // what goes out in one write
  size_t used = 0;
  char out[kOut];
  char plain[kRecord];  // where small pieces become a record
};

class TlsEngine {
 public:
  // Records of a connection that has been silent for a second begin small: the client can use each as soon as it has
  // come, and so much fits the first round trips. (h2o and Go's TLS do alike.)
  static constexpr uint32_t kColdRecord = 4 * 1024;
  static constexpr uint32_t kColdBytes = 16 * 1024;
  static constexpr MonoMs kColdAfter = 1'000;

  enum class State : uint8_t {
    kMore,    // wants more bytes from the wire
    kDone,    // the handshake is over; a read has filled its room
    kClosed,  // close_notify has come
    kFailed
  };

  // `ssl` knows its side. `sink` outlives it, or is replaced.
  TlsEngine(Loop& loop, OwnedSsl ssl, uint32_t record_bytes, Transport* sink);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  void set_sink(Transport* sink) { sink_ = sink; }
  // Takes all of `bytes` while `use` runs: whatever is then left of them is part of a record and kept.
  template <class Use>
  void feed(std::string_view bytes, Use&& use) {
    window_ = bytes;
    use();
    window_ = {};
    fed();
  }
  // Inside feed().
  State handshake();
  State read(char* into, size_t room, size_t& size);  // adds to `size`
  bool has_input() const { return !window_.empty(); }

  // 0, or a negative errno: the transport's, or -EPROTO. All of the bytes are taken.
  int write(const std::string_view* pieces, int count);
  // Plain bytes that were taken and wait until the rest of a message of the client's has come: a half KeyUpdate stops
  // the library's writing (RFC 8446 5.1 lets it lie in several records). feed() goes on with them.
  size_t held() const { return held_.size(); }
  // Bytes that the library itself has answered since the transport's queue was last empty: a client may ask for one
  // KeyUpdate after the other and read none of them.
  size_t replies() const { return replies_; }
  // Says goodbye once, if there was a hello.
  void say_closed();
  bool failed() const { return failed_; }
  const std::string& why() const { return why_; }  // of a failure
  bool is_client() const { return SSL_is_server(ssl_.get()) == 0; }
  // Of a client, whose peer has failed its verification.
  bool is_unverified() const;
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  const SSL* ssl() const { return ssl_.get(); }
  std::shared_ptr<TlsFacts> facts(bool with_offer) const;
  Loop& loop() { return loop_; }

  // The BIO's other end.
  int take_in(char* into, int size);
  int give_out(const char* bytes, int size);

 private:
  State settle(int result);
  bool encrypt(const char* bytes, size_t size);
  void fed();
  uint32_t record_size();
  int flush();

  Loop& loop_;
  TlsScratch& scratch_;
  OwnedSsl ssl_;
  Transport* sink_;
  std::string_view window_;
  std::string why_;
  std::string held_;
  size_t replies_ = 0;
  MonoMs wrote_at_ = 0;
  uint32_t record_bytes_;
  uint32_t warm_ = 0;  // bytes written since it was silent, up to kColdBytes
  int sink_error_ = 0;
  bool failed_ = false;
  bool goodbye_ = false;
};

}  // namespace weir::io
