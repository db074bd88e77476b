#include "io/tls_engine.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/loop_impl.h"
#include "io/tls_read_facts.h"

namespace weir::io {
namespace {

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const int n = static_cast<TlsEngine*>(BIO_get_data(bio))->take_in(into, size);
  if (n < 0) BIO_set_retry_read(bio);
  return n;
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  return static_cast<TlsEngine*>(BIO_get_data(bio))->give_out(bytes, size);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// Made once, for good: a BIO_METHOD is a table.
const BIO_METHOD* engine_bio() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

TlsScratch& scratch_of(Loop& loop) {
  auto& held = loop.impl().tls;
  if (held == nullptr) held = std::make_shared<TlsScratch>();
  return *static_cast<TlsScratch*>(held.get());
}

}  // namespace

TlsEngine::TlsEngine(Loop& loop, OwnedSsl ssl, uint32_t record_bytes, Transport* sink)
    : loop_(loop), scratch_(scratch_of(loop)), ssl_(std::move(ssl)), sink_(sink), record_bytes_(record_bytes) {
  BIO* bio = BIO_new(engine_bio());
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
}

// A connection that ends without a goodbye is no reason to forget its session, unless it has failed.
TlsEngine::~TlsEngine() {
  if (!failed_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

int TlsEngine::take_in(char* into, int size) {
  if (window_.empty()) return -1;
  const size_t n = std::min(static_cast<size_t>(size), window_.size());
  std::memcpy(into, window_.data(), n);
  window_.remove_prefix(n);
  return static_cast<int>(n);
}

int TlsEngine::give_out(const char* bytes, int size) {
  std::string_view left(bytes, static_cast<size_t>(size));
  while (!left.empty()) {
    const size_t n = std::min(left.size(), TlsScratch::kOut - scratch_.used);
    std::memcpy(scratch_.out + scratch_.used, left.data(), n);
    scratch_.used += n;
    left.remove_prefix(n);
    if (scratch_.used == TlsScratch::kOut) flush();
  }
  return size;
}

int TlsEngine::flush() {
  if (scratch_.used == 0) return sink_error_;
  const std::string_view all(scratch_.out, std::exchange(scratch_.used, 0));
  if (sink_error_ == 0) sink_error_ = std::min(sink_->send(&all, 1), 0);
  return sink_error_;
}

// What SSL_get_error says, with this thread's queue of errors left empty.
TlsEngine::State TlsEngine::settle(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  switch (error) {
    case SSL_ERROR_WANT_READ: return State::kMore;
    case SSL_ERROR_ZERO_RETURN: return State::kClosed;
    default: break;
  }
  failed_ = true;
  why_ = is_unverified() ? X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())) : "";
  const std::string reason = take_tls_error(error == SSL_ERROR_SYSCALL ? "connection cut" : "unknown error");
  if (why_.empty()) why_ = reason;
  return State::kFailed;
}

bool TlsEngine::is_unverified() const {
  return is_client() && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE &&
         SSL_get_verify_result(ssl_.get()) != X509_V_OK;
}

TlsEngine::State TlsEngine::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? State::kDone : settle(result);
}

TlsEngine::State TlsEngine::read(char* into, size_t room, size_t& size) {
  ERR_clear_error();
  while (size < room) {
    size_t n = 0;
    const int result = SSL_read_ex(ssl_.get(), into + size, room - size, &n);
    if (result == 1) {
      size += n;
      continue;
    }
    // A record that is no data (a ticket, a change of keys) is an end of the call and not of what has come.
    const State state = settle(result);
    if (state != State::kMore || window_.empty()) return state;
  }
  return State::kDone;
}

uint32_t TlsEngine::record_size() {
  return warm_ < kColdBytes ? std::min(record_bytes_, kColdRecord) : record_bytes_;
}

bool TlsEngine::encrypt(const char* bytes, size_t size) {
  if (!held_.empty()) {
    held_.append(bytes, size);
    return true;
  }
  size_t wrote = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes, size, &wrote);
  if (result != 1) {
    if (settle(result) == State::kMore) {  // the BIO takes everything: the library wants to read first
      held_.assign(bytes, size);
      return true;
    }
    failed_ = true;
    return false;
  }
  if (warm_ < kColdBytes) warm_ += static_cast<uint32_t>(size);
  return true;
}

int TlsEngine::write(const std::string_view* pieces, int count) {
  if (failed_ || goodbye_) return -EPIPE;
  const MonoMs now = loop_.now();
  if (now - wrote_at_ > kColdAfter) warm_ = 0;
  wrote_at_ = now;
  ERR_clear_error();
  size_t held = 0;  // in scratch_.plain
  bool fine = true;
  for (int i = 0; i < count && fine; ++i) {
    for (std::string_view left = pieces[i]; !left.empty() && fine;) {
      const size_t record = record_size();
      if (held == 0 && (left.size() >= record || i + 1 == count)) {
        const size_t n = std::min(record, left.size());
        fine = encrypt(left.data(), n);
        left.remove_prefix(n);
        continue;
      }
      const size_t n = std::min(record - held, left.size());
      std::memcpy(scratch_.plain + held, left.data(), n);
      held += n;
      left.remove_prefix(n);
      if (held == record) fine = encrypt(scratch_.plain, std::exchange(held, 0));
    }
  }
  if (held > 0 && fine) fine = encrypt(scratch_.plain, held);
  const int error = flush();
  return !fine ? -EPROTO : error;
}

void TlsEngine::fed() {
  const size_t answered = scratch_.used;
  if (!held_.empty() && !failed_) {
    const std::string held = std::exchange(held_, {});
    ERR_clear_error();
    bool fine = true;
    for (std::string_view left = held; !left.empty() && fine;) {
      const std::string_view record = left.substr(0, record_size());
      fine = encrypt(record.data(), record.size());
      left.remove_prefix(record.size());
    }
  }
  flush();
  replies_ = sink_->queued() == 0 ? 0 : replies_ + answered;
}

void TlsEngine::say_closed() {
  if (failed_ || goodbye_ || SSL_in_init(ssl_.get()) != 0) return;
  goodbye_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  flush();
}

std::shared_ptr<TlsFacts> TlsEngine::facts(bool with_offer) const {
  return tls_facts(ssl_.get(), with_offer);
}

}  // namespace weir::io
