#include "io/tls_transport.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weir::io {
namespace {

// The inner read lands in the front of the loop's slab, what becomes of it in plain behind: a record that was half
// here already comes on top.
constexpr size_t kCipherRead = 112 * 1024;
constexpr size_t kPlainRoom = Loop::kSlabBytes - kCipherRead;
static_assert(kPlainRoom >= kCipherRead + TlsScratch::kRecord);

}  // namespace

TlsTransport::TlsTransport(Loop& loop, std::unique_ptr<Transport> inner, std::unique_ptr<TlsEngine> engine, bool closed)
    : loop_(loop), inner_(std::move(inner)), engine_(std::move(engine)), end_(closed ? End::kEof : End::kNone) {
  engine_->set_sink(inner_.get());
  inner_->set_handler(this);
}

TlsTransport::~TlsTransport() {
  if (alive_ != nullptr) *alive_ = false;
  close();
}

void TlsTransport::want_read(bool want) {
  reading_ = want;
  inner_->want_read(want);
  if (!want) return end_due_.cancel();
  if (end_ == End::kEof || end_ == End::kError) loop_.arm(end_due_, loop_.now());
}

size_t TlsTransport::on_read_soon() {
  const size_t most = handler_ != nullptr ? handler_->on_read_soon() : kUsualRead;
  return std::min(most, kCipherRead);
}

// All that has come is decrypted, then told in one piece: nothing stays behind in the TLS object that no event of the
// socket would speak of.
void TlsTransport::on_read(std::string_view bytes) {
  if (end_ != End::kNone) return;  // behind a close_notify
  bool alive = true;
  alive_ = &alive;
  const size_t held = engine_->held();
  while (!bytes.empty() && end_ == End::kNone && !inner_->closed()) {
    const std::string_view some = bytes.substr(0, kCipherRead);
    bytes.remove_prefix(some.size());
    char* plain = loop_.slab().data() + kCipherRead;
    size_t size = 0;
    TlsEngine::State state = TlsEngine::State::kMore;
    engine_->feed(some, [&] { state = engine_->read(plain, kPlainRoom, size); });
    if (state == TlsEngine::State::kClosed) end_ = End::kEof;
    if (state == TlsEngine::State::kFailed || engine_->replies() > kMostReplies) {
      end_ = End::kError;
      code_ = -EPROTO;
    }
    if (size > 0 && handler_ != nullptr) handler_->on_read({plain, size});
    if (!alive) return;
  }
  if (held > 0 && engine_->held() == 0 && !inner_->closed()) {
    if (ending_) shutdown_write();
    if (handler_ != nullptr) handler_->on_sent();
    if (!alive) return;
  }
  alive_ = nullptr;
  if (reading_) tell_end();
}

// Without a close_notify too, of a client: what it says is framed by HTTP, a cut is seen there. The answer of a peer
// may end with its connection alone, and whoever is between could cut it: then only a close_notify is an end.
void TlsTransport::on_eof() {
  if (end_ == End::kNone && engine_->is_client())
    end(End::kError, -ECONNRESET);
  else
    end(End::kEof, 0);
}

void TlsTransport::end(End how, int code) {
  if (end_ == End::kErrorTold) return;
  if (how == End::kEof && end_ != End::kNone) return;  // the FIN behind a close_notify, or behind an error
  end_ = how;
  code_ = code;
  tell_end();
}

void TlsTransport::tell_end() {
  if (end_ != End::kEof && end_ != End::kError) return;
  end_due_.cancel();
  const bool error = end_ == End::kError;
  end_ = error ? End::kErrorTold : End::kEofTold;
  if (handler_ == nullptr) return;
  error ? handler_->on_transport_error(code_) : handler_->on_eof();
}

int TlsTransport::send(const std::string_view* pieces, int count, size_t* accepted) {
  if (accepted != nullptr) *accepted = 0;
  const size_t queued_before = queued();
  const int error = engine_->write(pieces, count);
  if (error < 0) return error;
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += pieces[i].size();
  sent_ += size;
  if (accepted == nullptr) return 0;
  const size_t more = queued() - std::min(queued_before, queued());
  *accepted = size - std::min(size, more);
  return 0;
}

uint64_t TlsTransport::bytes_sent() const {
  return sent_ - std::min<uint64_t>(sent_, queued());
}

void TlsTransport::shutdown_write() {
  if (inner_->closed()) return;
  ending_ = engine_->held() > 0;
  if (ending_) return;
  engine_->say_closed();
  inner_->shutdown_write();
}

// A goodbye behind bytes that are dropped would make a cut look whole.
void TlsTransport::close() {
  handler_ = nullptr;
  end_due_.cancel();
  if (inner_->closed()) return;
  if (inner_->queued() == 0) engine_->say_closed();
  inner_->close();
}

void TlsTransport::reset() {
  handler_ = nullptr;
  end_due_.cancel();
  inner_->reset();
}

}  // namespace weir::io
