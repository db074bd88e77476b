#include "upstream/probe.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "base/clock.h"

namespace weir::upstream {
namespace {

constexpr std::string_view kUserAgent = "weir health check";
// The probe's own deadline comes first: it knows whether the loop stood still.
constexpr Millis kConnectGrace{60'000};
constexpr MonoMs kLeastAllowance = 100;

std::string words(int code) {
  return std::generic_category().message(code < 0 ? -code : code);
}

std::string compose(const CheckOptions& check, http::Method method) {
  Arena arena;
  http::FieldList fields;
  fields.add("Host", check.host, http::HeaderToken::kHost);
  fields.add("User-Agent", kUserAgent, http::HeaderToken::kUserAgent);
  http::OutRequest request;
  request.method = check.method;
  request.target = check.uri;
  request.fields = &fields;
  if (check.keepalive_time.count() <= 0) request.connection = http::ConnectionOption::kClose;
  // RFC 9110 8.6: methods that usually have content say that there is none.
  if (method == http::Method::kPost || method == http::Method::kPut || method == http::Method::kPatch)
    request.framing = {http::Framing::kLength, 0};
  http::H1ClientCodec codec;
  http::OutBatch out;
  codec.send_head(http::kH1Stream, request, arena, out);
  std::string text;
  for (int i = 0; i < out.size(); ++i) text += out.pieces()[i];
  return text;
}

}  // namespace

ProbeKit::ProbeKit(io::Loop& loop, io::ConnectFunction connect)
    : loop_(loop), connect_(connect ? std::move(connect) : io::ConnectFunction(io::connect)), stalls_(loop) {}

std::unique_ptr<ProbeKit::Scratch> ProbeKit::take() {
  if (spare_.empty()) return std::make_unique<Scratch>();
  auto scratch = std::move(spare_.back());
  spare_.pop_back();
  return scratch;
}

void ProbeKit::give(std::unique_ptr<Scratch> scratch) {
  if (spare_.size() >= kMostSpare) return;
  scratch->head.clear();
  scratch->arena.reset();
  scratch->stash.clear();
  scratch->body.clear();
  if (scratch->body.capacity() > kLargeBody) std::string().swap(scratch->body);
  if (scratch->stash.capacity() > kLargeBody) std::string().swap(scratch->stash);
  spare_.push_back(std::move(scratch));
}

Probe::Probe(ProbeKit& kit, const SocketAddress& address, const CheckOptions& check, ProbeOwner& owner)
    : kit_(kit), address_(address), check_(check), owner_(owner), method_(http::parse_method(check.method)) {
  if (check_.type == CheckType::kHttp) request_ = compose(check_, method_);
}

Probe::~Probe() {
  if (running()) stop();
}

const Match& Probe::match() const {
  static const Match any_good = [] {
    Match match;
    match.statuses = {{200, 399}};
    return match;
  }();
  return check_.match != nullptr ? *check_.match : any_good;
}

void Probe::begin() {
  assert(!running());
  began_us_ = monotonic_us();
  lost_before_ = kit_.stalls().lost();
  kit_.stalls().enter();
  scratch_ = kit_.take();
  answered_ = head_came_ = ended_ = surplus_ = false;
  body_bytes_ = 0;
  invalid_ = {};
  due_ = kit_.loop().now() + check_.health.timeout.count();
  kit_.loop().arm(deadline_, due_);
  if (transport_ != nullptr && kit_.loop().now() - opened_at_ >= check_.keepalive_time.count()) close();
  reused_ = transport_ != nullptr;
  if (reused_) {
    ask();
  } else {
    open();
  }
}

void Probe::open() {
  state_ = State::kConnecting;
  io::ConnectOptions options;
  options.timeout = check_.health.timeout + kConnectGrace;
  if (check_.tls != nullptr) {
    if (sessions_ == nullptr) sessions_ = std::make_shared<io::TlsPeerSessions>();
    io::TlsPeer peer{check_.tls, check_.tls_name, sessions_, std::string(http::local_proxy_header(check_.announce))};
    connecting_ =
        io::connect_tls(kit_.loop(), kit_.connect(), address_, options, std::move(peer),
                        [this](io::TlsConnected result) { on_connected(std::move(result.transport), result.failure); });
    return;
  }
  connecting_ = kit_.connect()(kit_.loop(), address_, options,
                               [this](std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure) {
                                 on_connected(std::move(transport), failure);
                               });
}

void Probe::on_connected(std::unique_ptr<io::Transport> transport, const io::ConnectFailure& failure) {
  connecting_.reset();
  if (transport != nullptr) {
    if (check_.type == CheckType::kTcp) {
      const std::string_view header = http::local_proxy_header(check_.announce);
      if (!header.empty()) transport->send(&header, 1);
      transport->close();
      pass();
      return;
    }
    transport_ = std::move(transport);
    opened_at_ = kit_.loop().now();
    transport_->set_handler(this);
    ask();
    return;
  }
  switch (failure.kind) {
    case ErrorKind::kConnectRefused: fail("connection refused"); return;
    case ErrorKind::kConnectTimeout: fail("connect timed out"); return;
    case ErrorKind::kTlsFailed:
    case ErrorKind::kTlsUnverified: fail("TLS failed: " + failure.why); return;
    case ErrorKind::kLocalError:
      // On a unix socket EAGAIN is the peer's full queue, on TCP our lack of ports.
      if (address_.is_unix() && failure.code == -EAGAIN) {
        fail("connection refused: its queue is full");
      } else {
        finish(ProbeOutcome::Verdict::kInconclusive, "cannot connect: " + words(failure.code));
      }
      return;
    default: fail("connect failed: " + words(failure.code)); return;
  }
}

// A send that fails needs no word here: the end of reading tells, after what the peer may have answered before.
void Probe::ask() {
  state_ = State::kHead;
  scratch_->codec.open(method_, {}, http::kAnswerLimits);
  // The header stands once in front of a connection, and of its handshake.
  const bool announced = reused_ || check_.tls != nullptr;
  const std::string_view pieces[] = {announced ? std::string_view() : http::local_proxy_header(check_.announce),
                                     request_};
  transport_->send(pieces, 2);
  transport_->want_read(true);
}

void Probe::on_read(std::string_view bytes) {
  if (!running()) {  // nobody asked
    close();
    return;
  }
  answered_ = true;
  std::string whole;
  if (!scratch_->stash.empty()) {
    whole.swap(scratch_->stash);
    whole.append(bytes);
    bytes = whole;
  }
  const size_t consumed = scratch_->codec.feed(bytes, *this);
  if (ended_) {
    surplus_ = consumed < bytes.size();
  } else if (invalid_.empty() && consumed < bytes.size()) {
    if (consumed == 0 && !whole.empty())
      scratch_->stash.swap(whole);
    else
      scratch_->stash.assign(bytes.substr(consumed));
  }
  judge();
}

void Probe::on_body(http::StreamId, std::string_view bytes) {
  const size_t room = Match::kMostBody - std::min(body_bytes_, Match::kMostBody);
  body_bytes_ += bytes.size();
  if (match().needs_body()) scratch_->body.append(bytes.substr(0, room));
}

void Probe::judge() {
  if (!invalid_.empty()) return fail("invalid response: " + std::string(invalid_));
  if (!head_came_) return;
  if (state_ == State::kHead) {
    state_ = State::kBody;
    if (std::string why = match().mismatch_head(scratch_->head); !why.empty()) return fail(std::move(why));
  }
  if (ended_ || body_bytes_ >= Match::kMostBody) return judge_body();
  // Without a body to match, its end is of use only to a connection that is kept.
  if (!match().needs_body() && !may_keep()) pass();
}

void Probe::judge_body() {
  if (std::string why = match().mismatch_body(scratch_->body); !why.empty()) return fail(std::move(why));
  pass();
}

void Probe::on_eof() {
  if (!running()) return close();
  if (scratch_->codec.finish(*this) && ended_) {
    scratch_->head.keep_alive = false;
    return judge();
  }
  on_closed("closed");
}

void Probe::on_transport_error(int) {
  if (!running()) return close();
  on_closed("reset");
}

void Probe::on_closed(std::string_view how) {
  close();
  if (state_ == State::kBody && !match().needs_body()) return pass();
  if (reused_ && !answered_) {  // it closed the idle connection as we asked: that says nothing of its health
    reused_ = false;
    return open();
  }
  fail(std::string(how) + (state_ == State::kBody ? " inside its answer" : " before an answer"));
}

void Probe::on_deadline(Deadline&) {
  if (state_ == State::kBody && !match().needs_body()) return pass();
  const MonoMs allowance = std::max<MonoMs>(kLeastAllowance, check_.health.timeout.count() / 4);
  const MonoMs lost = std::max(kit_.loop().now() - due_, kit_.stalls().lost() - lost_before_);
  if (lost > allowance)
    return finish(ProbeOutcome::Verdict::kInconclusive, "this process stood still for " + std::to_string(lost) + " ms",
                  true);
  fail(late_reason());
}

std::string Probe::late_reason() const {
  const std::string timeout = std::to_string(check_.health.timeout.count()) + " ms";
  switch (state_) {
    case State::kConnecting: return "connect timed out after " + timeout;
    case State::kBody: return "no whole answer within " + timeout;
    default: return "no answer within " + timeout;
  }
}

bool Probe::may_keep() const {
  return check_.keepalive_time.count() > 0 && transport_ != nullptr && scratch_->head.keep_alive &&
         scratch_->head.framing != http::Framing::kClose;
}

void Probe::finish(ProbeOutcome::Verdict verdict, std::string reason, bool stalled) {
  ProbeOutcome outcome;
  outcome.verdict = verdict;
  outcome.reason = std::move(reason);
  outcome.stalled = stalled;
  outcome.status = head_came_ ? scratch_->head.status : 0;
  outcome.micros = static_cast<uint32_t>(std::min<int64_t>(monotonic_us() - began_us_, UINT32_MAX));
  stop();
  owner_.on_outcome(outcome);
}

void Probe::stop() {
  deadline_.cancel();
  connecting_.reset();
  const bool keep = may_keep() && ended_ && !surplus_ && invalid_.empty() && transport_->queued() == 0;
  if (!keep) close();
  state_ = State::kIdle;
  kit_.give(std::move(scratch_));
  kit_.stalls().leave();
}

void Probe::close() {
  if (transport_ == nullptr) return;
  transport_->close();
  transport_.reset();
}

}  // namespace weir::upstream
