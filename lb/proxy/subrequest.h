// A request of weir's own: an exchange that answers to no client's connection, but to an owner inside weir (an access
// check, a mirror, a cache that asks again). It passes the phases as any other, from finding the server on.
//
// Its events only record; the owner is told at the end of the loop's turn, with nothing of an exchange on the stack, so
// that it may do there whatever it likes.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/arena.h"
#include "base/chunk.h"
#include "http/head.h"
#include "policy/peer.h"
#include "proxy/downstream.h"
#include "proxy/subrequest_link.h"

namespace weir::proxy {

class Core;
class Exchange;
class Subrequest;

class SubrequestOwner {
 public:
  // There is more of the answer than when this was last called: see Subrequest::Take. The last call is the one that
  // finds is_over(), always, once. The subrequest may be destroyed in it; nothing else calls back.
  virtual void on_subrequest(Subrequest& subrequest) = 0;
  // Its exchange ends, and these are its variables. At most once, before the last of the above; nothing may be called
  // in it. Not called where the owner has cancelled it.
  virtual void on_subrequest_end(const route::VariableSource& /*variables*/) {}

 protected:
  ~SubrequestOwner() = default;
};

class Subrequest final : private Downstream {
 public:
  // Of the answer, and when the owner is told of it.
  enum class Take : uint8_t {
    kHead,    // told of the head, then of the end; the body is thrown away
    kWhole,   // told of the end alone; a body of more than `most` bytes breaks it off
    kStream,  // told of the head, of each further part of the body, of the end; while Downstream::kRoom bytes are not
              // consumed, no more is read of a peer
  };
  struct Options {
    std::string_view method = "GET";
    std::string_view target;      // "/path?query" as it stands on the wire; $request_uri stays the parent's
    const Chain* body = nullptr;  // is copied; null: none. Its length is known, so it has no chunks
    Take take = Take::kHead;
    size_t most = 64 * 1024;  // for kWhole
    bool outlives_parent = false;
    bool updates_cache = false;  // see Exchange::set_cache_update()
  };
  static constexpr int kMostNested = 50;  // as nginx's NGX_HTTP_MAX_SUBREQUESTS

  // Begins one in the parent's snapshot and server, with a copy of its head less what speaks of the body that it has
  // not; `options` are used during the call. May be called from within the parent. Null: it would be nested too deeply,
  // which is logged. The owner outlives what is returned.
  static std::unique_ptr<Subrequest> start(Exchange& parent, SubrequestOwner& owner, const Options& options);
  // Before its end: cancels it, as a client that closes its connection would. The owner is told nothing more.
  ~Subrequest();
  Subrequest(const Subrequest&) = delete;
  Subrequest& operator=(const Subrequest&) = delete;

  // Of the final head; 0: there is none yet, or it ended without one (return 444).
  int status() const { return status_; }
  // Of that head, as a client would be sent them. They live as long as this object.
  const http::FieldList& fields() const { return fields_; }
  // Of its body, as declared; -1: it is known at the end.
  int64_t length() const { return length_; }
  // What has come and is not consumed.
  const Chain& body() const { return body_; }
  void consume(size_t bytes);
  // Nothing more comes.
  bool is_over() const { return over_; }
  // kNone: the answer is complete. kClientClosed: its parent has ended before it, or weir stops. kLocalError: the body
  // was too long.
  ErrorKind error() const { return error_; }

  // --- for the Core and the parent
  // Tells the owner what there is; may destroy this.
  void tell();
  void peer_down(const policy::PeerState& state);
  // Ends it (kClientClosed), if it is not over.
  void close();

 private:
  Subrequest(Core& core, Exchange& parent, SubrequestOwner& owner, const Options& options);
  void copy_request(const http::RequestHead& of, const Options& options);
  void run(const Chain* body);
  void copy_head(const http::OutResponse& head);
  void end(ErrorKind kind);
  void note_news();

  // Downstream
  Sent send(const Message& message) override;
  size_t held() const override { return body_.size(); }
  http::SentFraming framing(int status, const http::OutBody& body) override;
  void update_read() override {}  // its request is here as a whole
  std::unique_ptr<Exchange> leave() override;
  void finish() override { end(ErrorKind::kNone); }
  void reset(ErrorKind kind) override { end(kind); }
  void before_end(const route::VariableSource& variables) override {
    if (!cancelled_) owner_.on_subrequest_end(variables);
  }
  void become_tunnel(std::unique_ptr<Tunnel> tunnel, std::string_view from_peer) override;
  const ConnectionInfo& connection() const override { return info_; }
  SocketAddress local_address() const override;
  std::optional<io::TcpInfo> tcp_info() const override;
  uint16_t local_port() const override { return local_port_; }
  uint32_t connection_requests() const override { return connection_requests_; }

  SubrequestLink known_{*this};  // to the Core
  SubrequestLink part_{*this};   // of its parent
  SubrequestLink ready_{*this};  // to tell its owner
  Core& core_;
  SubrequestOwner& owner_;
  std::unique_ptr<Exchange> exchange_;  // null: over
  Exchange* parent_;                    // null: it has ended, or this outlives it
  const Take take_;
  const size_t most_;
  int status_ = 0;
  int64_t length_ = -1;
  bool over_ = false;
  bool cancelled_ = false;
  bool news_ = false;    // the owner is to be told
  bool resume_ = false;  // some was consumed: more may be read
  ErrorKind error_ = ErrorKind::kNone;
  ErrorKind refused_ = ErrorKind::kNone;  // why an answer was not taken
  ConnectionInfo info_;                   // of the client whose request the parent is
  SocketAddress local_address_;           // where the parent may be gone
  uint16_t local_port_;
  uint32_t connection_requests_;
  Arena arena_;  // of fields_
  http::FieldList fields_;
  Chain body_;
};

}  // namespace weir::proxy
