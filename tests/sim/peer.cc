// The peer of the simulation.
#include <cstdlib>

#include "sim/actors.h"

namespace weir::sim {

void Peer::listen() {
  got_ += wire->outbound;
  wire->outbound.clear();
  const char* error = nullptr;
  while (!got_.empty() && error == nullptr) {
    if (tunnel_) {
      frames_.feed(got_, error);
      got_.clear();
      break;
    }
    if (in_request_ && !body_.done()) {
      got_.erase(0, body_.feed(got_, error));
      continue;
    }
    if (in_request_) {
      if (answering_ && script_.empty()) {
        in_request_ = answering_ = false;
        continue;
      }
      play_.fail("a second request on a connection whose first (" + id_ + ") is not answered");
      break;
    }
    const size_t end = got_.find("\r\n\r\n");
    if (end == std::string::npos) break;
    const std::string head = got_.substr(0, end + 2);
    got_.erase(0, end + 4);
    read_head(head);
  }
  if (error != nullptr) play_.fail(std::string("the peer got ") + error);
  if (in_request_ && !answering_ && (body_.done() || play_.chance(5)) && (play_.calm ? body_.done() : true)) decide();
}

void Peer::read_head(std::string_view head) {
  id_ = field_of(head, "X-Id");
  if (id_.empty()) play_.fail("a request without its id reached a peer: " + std::string(head));
  if (wire->inbound_fin || dead_) mute_ = true;
  const std::string_view method = head.substr(0, head.find(' '));
  head_only_ = method == "HEAD";
  websocket_ = field_of(head, "Upgrade") == "websocket";
  may_refuse_ = head.substr(0, head.find("\r\n")).find(" /ready") != std::string_view::npos;
  http10_ = head.substr(0, head.find("\r\n")).ends_with("HTTP/1.0");
  if (method == "POST" && !play_.delivered.insert(id_).second) play_.fail("sent twice: " + id_);
  if (field_of(head, "Host").empty()) play_.fail("a request without Host: " + id_);
  const std::string_view length = field_of(head, "Content-Length");
  const bool chunked = field_of(head, "Transfer-Encoding") == "chunked";
  if (chunked && !length.empty()) play_.fail("both Content-Length and Transfer-Encoding to the peer: " + id_);
  const auto kind = chunked          ? BodyReader::Kind::kChunked
                    : length.empty() ? BodyReader::Kind::kNone
                                     : BodyReader::Kind::kLength;
  body_.begin(kind, std::strtoull(std::string(length).c_str(), nullptr, 10), id_);
  in_request_ = true;
  answering_ = false;
  close_after_ = reset_after_ = false;
}

void Peer::decide() {
  answering_ = true;
  const bool well = play_.calm || play_.good_peers || play_.chance(70);
  const std::string id_field = "X-Id: " + id_ + "\r\n";
  if (!well) {
    switch (play_.below(6)) {
      case 0: script_ = "garbage\r\n\r\n"; return;
      case 1: close_after_ = true; return;
      case 2: reset_after_ = true; return;
      case 3: mute_ = true; return;
      case 4:
        script_ = "HTTP/1.1 200 OK\r\n" + id_field + "Content-Length: 5000\r\n\r\n" + body_of(id_, play_.below(4999));
        (play_.chance(50) ? close_after_ : reset_after_) = true;
        return;
      default:
        script_ = "HTTP/1.1 200 OK\r\n" + id_field + "Transfer-Encoding: chunked\r\n\r\n8\r\n" + body_of(id_, 8) +
                  (play_.chance(50) ? "\r\nxyz\r\n" : "");
        close_after_ = true;
        return;
    }
  }
  if (!play_.calm && play_.chance(10)) script_ += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  if (!play_.calm && play_.chance(5)) script_ += "HTTP/1.1 100 Continue\r\n\r\n";
  if (websocket_ && play_.chance(80)) {
    script_ += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + id_field + "\r\n";
    for (size_t i = play_.below(4); i > 0; --i) script_ += frame_of(id_, false);
    tunnel_ = true;
    frames_.begin(id_);
    return;
  }
  constexpr int kStatuses[] = {200, 200, 200, 201, 404, 503, 500, 301};
  const bool refused = may_refuse_ && play_.chance(50);
  const int status = refused ? 503 : kStatuses[play_.below(play_.calm ? 3 : std::size(kStatuses))];
  constexpr size_t kSizes[] = {0, 2, 500, 8, 20'000, 100'000, 200'000, 400'000};
  if (status == 503 && may_refuse_) play_.delivered.erase(id_);
  const std::string body = body_of(id_, kSizes[play_.below(play_.chance(80) ? 5 : std::size(kSizes))]);
  script_ += "HTTP/1.1 " + std::to_string(status) + " Fine\r\n" + id_field;
  if (play_.chance(20)) {
    script_ += "Connection: close\r\n";
    close_after_ = true;
  }
  const size_t kind = play_.below(http10_ ? 2 : 4);
  if (head_only_) {
    script_ += "Content-Length: 77\r\n\r\n";
  } else if (!play_.calm && play_.chance(10)) {
    script_.replace(script_.rfind("HTTP/1.1"), 17, "HTTP/1.1 204 None");
    script_ += "\r\n";
  } else if (kind == 0) {
    script_ += "\r\n" + body;
    close_after_ = true;
  } else if (kind == 1) {
    script_ += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  } else {
    script_ += "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t n = std::min(body.size() - at, 1 + play_.below(30'000));
      char line[20];
      std::snprintf(line, sizeof line, "%zx\r\n", n);
      script_ += line + body.substr(at, n) + "\r\n";
      at += n;
    }
    script_ += "0\r\n\r\n";
  }
  if (!play_.calm && !close_after_ && play_.chance(3))
    surplus_ = "HTTP/1.1 200 OK\r\nX-Id: stolen\r\nContent-Length: 0\r\n\r\n";
}

void Peer::say() {
  if (dead_ || mute_ || wire->closed) return;
  if (!script_.empty()) {
    const size_t most = play_.chance(60) ? script_.size() : 1 + play_.below(script_.size());
    const size_t n = std::min<size_t>(most, 64 * 1024);
    wire->inbound.append(script_, 0, n);
    script_.erase(0, n);
    // Together with the last byte: what comes later could be taken for the answer to the next request, by anybody.
    if (script_.empty()) wire->inbound.append(std::exchange(surplus_, {}));
    // The end of this answer lets weir send the next request at once, from inside.
    wire->deliver();
  } else if (tunnel_ && play_.chance(60)) {
    script_ = frame_of(id_, false);
  }
  if (script_.empty() && answering_ && !tunnel_ && (close_after_ || reset_after_)) {
    dead_ = true;
    if (close_after_) wire->inbound_fin = true;
    if (reset_after_) wire->inbound_error = -ECONNRESET;
    wire->deliver();
  }
}

// At any time, also between requests.
void Peer::misbehave() {
  if (dead_ || wire->closed) return;
  switch (play_.below(4)) {
    case 0:
      dead_ = true;
      wire->inbound_fin = true;
      break;
    case 1:
      dead_ = true;
      wire->inbound_error = -ECONNRESET;
      break;
    case 2: wire->break_sending(); break;
    default:
      if (in_request_ && !(answering_ && script_.empty())) return;
      if (tunnel_ || mute_ || close_after_ || reset_after_ || !wire->reading || !wire->inbound.empty()) return;
      if (!wire->outbound.empty() || !wire->queue.empty() || !got_.empty()) return;  // a request is on its way
      wire->inbound = "HTTP/1.1 408 Too late\r\n\r\n";
      wire->deliver();
      if (!wire->closed) play_.fail("an idle connection that spoke is still open");
      return;
  }
  wire->deliver();
}

}  // namespace weir::sim
