#include "proxy/subrequest.h"

#include <cassert>
#include <cerrno>

#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/tunnel.h"

namespace weir::proxy {
namespace {

using http::HeaderToken;

// What speaks of the parent's body or of its client's connection.
constexpr http::TokenSet kNotCopied{HeaderToken::kContentLength, HeaderToken::kTransferEncoding, HeaderToken::kExpect,
                                    HeaderToken::kUpgrade, HeaderToken::kConnection};

}  // namespace

std::unique_ptr<Subrequest> Subrequest::start(Exchange& parent, SubrequestOwner& owner, const Options& options) {
  assert(options.target.starts_with('/'));
  if (parent.nested() >= kMostNested) {
    LogLimit& limit = parent.server().log->subrequests;
    if (limit.pass(parent.core().loop().now()))
      log::error("request ", parent.uri(), ": subrequest ", options.target, " refused (nested ", kMostNested,
                 " times; connection ", parent.downstream().connection().number, ")", limit.dropped());
    return nullptr;
  }
  std::unique_ptr<Subrequest> made(new Subrequest(parent.core(), parent, owner, options));
  made->run(options.body);
  return made;
}

Subrequest::Subrequest(Core& core, Exchange& parent, SubrequestOwner& owner, const Options& options)
    : core_(core),
      owner_(owner),
      exchange_(core.take_exchange()),
      parent_(options.outlives_parent ? nullptr : &parent),
      take_(options.take),
      most_(options.most),
      info_(parent.downstream().connection().copy()),
      local_port_(parent.downstream().local_port()),
      connection_requests_(parent.downstream().connection_requests()),
      body_(core.loop().chunks()) {
  if (parent_ == nullptr) local_address_ = parent.downstream().local_address();
  if (parent_ != nullptr) parent.subrequest_began(part_);
  core_.subrequest_began(known_);
  exchange_->begin(*this, parent.listen(), EpochRef(parent.epoch()), http::kH1Stream, core.loop().now_us());
  copy_request(parent.request().head, options);
  exchange_->set_nested(parent.nested() + 1, exchange_->arena().copy(options.target), parent.limits());
  if (options.updates_cache) exchange_->set_cache_update();
}

// The words of the client's own request ($request, $request_uri, its fields) stay what they are.
void Subrequest::copy_request(const http::RequestHead& of, const Options& options) {
  Arena& arena = exchange_->arena();
  http::RequestHead& head = exchange_->request().head;
  head.method_text = arena.copy(options.method);
  head.method = http::parse_method(head.method_text);
  head.version = of.version;
  head.keep_alive = of.keep_alive;
  head.target = arena.copy(of.target);
  head.request_line = arena.copy(of.request_line);
  head.host_field = arena.copy(of.host_field);
  head.host = arena.copy(of.host);
  const std::string_view target = arena.copy(options.target);
  const size_t query = target.find('?');
  head.path = target.substr(0, query);
  head.has_query = query != std::string_view::npos;
  if (head.has_query) head.query = target.substr(query + 1);
  for (const http::Field& field : of.fields) {
    if (field.dropped || kNotCopied.has(field.token)) continue;
    if (!head.fields.add(arena.copy(field.name), arena.copy(field.value), field.token, field.added)) break;
    (head.fields.end() - 1)->clean = field.clean;
  }
  if (options.body == nullptr) return;
  head.framing = http::Framing::kLength;
  head.content_length = static_cast<int64_t>(options.body->size());
}

void Subrequest::run(const Chain* body) {
  exchange_->on_request();
  if (body != nullptr)
    body->for_each_piece(INT32_MAX, [this](std::string_view piece) { exchange_->on_request_body(piece); });
  exchange_->on_request_end();
  exchange_->turn();  // may end it
}

Subrequest::~Subrequest() {
  cancelled_ = true;
  close();
}

void Subrequest::close() {
  if (exchange_ != nullptr) exchange_->client_gone(ErrorKind::kClientClosed);  // comes back in reset()
}

void Subrequest::peer_down(const policy::PeerState& state) {
  if (exchange_ != nullptr) exchange_->peer_down(state);
}

std::optional<io::TcpInfo> Subrequest::tcp_info() const {
  return parent_ != nullptr ? parent_->downstream().tcp_info() : std::nullopt;
}

SocketAddress Subrequest::local_address() const {
  return parent_ != nullptr ? parent_->downstream().local_address() : local_address_;
}

// --- the answer
// -----------------------------------------------------------------------------------------------------------

http::SentFraming Subrequest::framing(int, const http::OutBody& body) {
  http::SentFraming framing;
  framing.framing = !body.follows     ? http::Framing::kNone
                    : body.length < 0 ? http::Framing::kClose
                                      : http::Framing::kLength;
  framing.length = body.length;
  framing.connection = http::ConnectionOption::kNone;
  return framing;
}

Sent Subrequest::send(const Message& message) {
  Sent sent;
  if (message.head != nullptr) {
    if (message.head->status == 101) {  // nobody is there for what would follow
      refused_ = ErrorKind::kInvalidResponse;
      sent.error = -EPROTO;
      return sent;
    }
    if (message.head->status < 200) return sent;
    copy_head(*message.head);
  }
  for (int i = 0; i < message.count; ++i) sent.bytes += message.pieces[i].size();
  if (take_ == Take::kWhole && body_.size() + sent.bytes > most_) {
    refused_ = ErrorKind::kLocalError;
    body_.clear();
    sent.error = -EMSGSIZE;
    return sent;
  }
  if (take_ != Take::kHead)
    for (int i = 0; i < message.count; ++i) body_.append(message.pieces[i]);
  if (take_ == Take::kStream || (take_ == Take::kHead && message.head != nullptr)) note_news();
  return sent;
}

void Subrequest::copy_head(const http::OutResponse& head) {
  status_ = head.status;
  length_ = head.body.length;
  if (head.fields == nullptr) return;
  for (const http::Field& field : *head.fields)
    if (!field.dropped) fields_.add(arena_.copy(field.name), arena_.copy(field.value), field.token, field.added);
}

void Subrequest::consume(size_t bytes) {
  body_.consume(bytes);
  if (bytes == 0 || exchange_ == nullptr || take_ != Take::kStream) return;
  resume_ = true;  // not here: the source would answer inside the owner
  core_.subrequest_ready(ready_);
}

std::unique_ptr<Exchange> Subrequest::leave() {
  assert(false && "a subrequest has an owner");
  return std::move(exchange_);
}

void Subrequest::become_tunnel(std::unique_ptr<Tunnel>, std::string_view) {
  assert(false && "a subrequest refuses the head of a tunnel");
  end(ErrorKind::kInvalidResponse);
}

void Subrequest::end(ErrorKind kind) {
  core_.give_exchange(std::move(exchange_));
  over_ = true;
  error_ = refused_ != ErrorKind::kNone ? refused_ : kind;
  parent_ = nullptr;
  part_.unlink();
  known_.unlink();
  if (!cancelled_) note_news();
}

void Subrequest::note_news() {
  news_ = true;
  core_.subrequest_ready(ready_);
}

void Subrequest::tell() {
  if (std::exchange(resume_, false) && exchange_ != nullptr)
    exchange_->client_sent();  // may add to the body, or end it
  if (std::exchange(news_, false)) owner_.on_subrequest(*this);
}

}  // namespace weir::proxy
