// The client of the simulation.
#include <cstdlib>

#include "sim/actors.h"
#include "sim/arrival_steps.h"

namespace weir::sim {
namespace {

// Sizes on both sides of the limits that matter: the body buffer (64 KB), Relay::kLow and kHigh.
size_t some_size(Play& play) {
  constexpr size_t kSizes[] = {1, 10, 1000, 5000, 40'000, 65'536, 70'000, 140'000, 300'000};
  return kSizes[play.below(play.chance(70) ? 4 : std::size(kSizes))];
}

std::string chunked(Play& play, const std::string& body) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    const size_t n = std::min(body.size() - at, 1 + play.below(body.size()));
    char line[20];
    std::snprintf(line, sizeof line, "%zx\r\n", n);
    out.append(line).append(body, at, n).append("\r\n");
    at += n;
  }
  return out + "0\r\n\r\n";
}

}  // namespace

Client::Client(Play& play, std::shared_ptr<Wire> given, int number, std::string_view greeting)
    : wire(std::move(given)), play_(play), script_(greeting) {
  if (!greeting.empty()) welcome_ = kGreetingReply;
  if (!greeting.empty() && !play_.calm && play_.chance(10)) script_.replace(play_.below(script_.size()), 1, "?");
  const size_t requests = 1 + play.below(4);
  for (size_t n = 0; n < requests && !tunnel_ && !garbage_; ++n) add_request(number * 10 + static_cast<int>(n));
  tunnel_ = false;
}

void Client::add_request(int n) {
  Expected expected;
  if (play_.caches && play_.chance(30)) return add_cached_request();
  char id[16];
  std::snprintf(id, sizeof id, "id%06d", n);
  expected.id = id;
  ++asked_;
  constexpr const char* kPaths[] = {"/",
                                    "/app/x",
                                    "/single",
                                    "/page",
                                    "/named",
                                    "/old",
                                    "/deaf",
                                    "/again",
                                    "/local",
                                    "/silent",
                                    "/none",
                                    "/little",
                                    "/narrow",
                                    "/narrow",
                                    "/narrow",
                                    "/narrow",
                                    "/bound",
                                    "/ready",
                                    "/ready",
                                    "/churn",
                                    "/churn/twice",
                                    "/churn/local",
                                    "/inside",
                                    "/inside",
                                    "/inside/churn",
                                    "/only",
                                    "/bound",
                                    "/moved",
                                    "/gzip",
                                    "/gzip/churn",
                                    "/gzip",
                                    "/mirror",
                                    "/asked",
                                    "/asked",
                                    "/asked/local",
                                    "/limited",
                                    "/limited/local"};
  std::string path = kPaths[play_.below(play_.calm ? 3 : std::size(kPaths))];
  path += path == "/" ? "" : "?q=1";
  const std::string accept = play_.chance(70) ? "Accept-Encoding: gzip\r\n" : "";
  const auto head = [&](const std::string& method, const std::string& more) {
    return method + " " + path + " HTTP/1.1\r\nHost: sim.test\r\nX-Id: " + id + "\r\n" + accept + more + "\r\n";
  };
  const std::string body = body_of(id, some_size(play_));
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  switch (play_.below(play_.calm ? 8 : 14)) {
    case 0:
    case 1:
    case 2: script_ += head("GET", ""); break;
    case 3: script_ += head("POST", length) + body; break;
    case 4: script_ += head("POST", "Transfer-Encoding: chunked\r\n") + chunked(play_, body); break;
    case 5: script_ += head("PUT", length) + body; break;
    case 6:
      expected.head_only = true;
      script_ += head("HEAD", "");
      break;
    case 7: script_ += head("POST", length + "Expect: 100-continue\r\n") + body; break;
    case 8: script_ += "GET " + path + " HTTP/1.0\r\nX-Id: " + id + "\r\nConnection: keep-alive\r\n\r\n"; break;
    case 9:
    case 10:
      expected.websocket = true;
      tunnel_ = true;
      tunnel_id_ = id;
      script_ += head("GET",
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: eA==\r\n");
      for (size_t i = play_.below(5); i > 0; --i) script_ += frame_of(id, true);
      break;
    case 11: script_ += head("GET", "Connection: close\r\n"); break;
    case 12:
      garbage_ = true;
      script_ += play_.chance(50) ? "\x16\x03\x01 not http\r\n\r\n" : "GET / HTTP/1.1\r\nbad\r\n\r\n";
      break;
    default:
      garbage_ = true;
      script_ += head("POST", "Transfer-Encoding: chunked\r\n") + "5\r\nabc\r\nzz\r\n";
      break;
  }
  expected_.push_back(expected);
}

// One body for all of them; parts of it begin where its period does.
void Client::add_cached_request() {
  ++asked_;
  Expected expected;
  expected.id = kShared;
  expected.head_only = play_.chance(10);
  script_ += expected.head_only ? "HEAD" : "GET";
  script_ += " /cached?n=" + std::to_string(play_.below(3)) + " HTTP/1.1\r\nHost: sim.test\r\nX-Id: ";
  script_ += std::string(kShared) + "\r\n";
  if (play_.chance(30)) {
    const size_t begin = kShared.size() * play_.below(200);
    script_ += "Range: bytes=" + std::to_string(begin) + "-" + std::to_string(begin + play_.below(100'000)) + "\r\n";
  }
  script_ += "\r\n";
  expected_.push_back(expected);
}

void Client::say() {
  if (done_talking() || left_ || wire->closed) return;
  if (tls_ == nullptr || (tls_->is_shaken() && !script_.empty())) {
    const size_t most = play_.chance(50) ? script_.size() : 1 + play_.below(script_.size());
    const size_t n = std::min<size_t>(most, 64 * 1024);
    const std::string_view text = std::string_view(script_).substr(0, n);
    tls_ == nullptr ? void(wire->inbound.append(text)) : say_over_tls(text);
    script_.erase(0, n);
  }
  if (tls_ != nullptr) {
    if (!tls_->is_shaken()) tls_->shake();
    // Of the records as they are, whatever they are: cut anywhere.
    const size_t n = play_.chance(50) ? tls_->out.size() : play_.below(tls_->out.size() + 1);
    wire->inbound.append(tls_->out, 0, n);
    tls_->out.erase(0, n);
  }
  wire->deliver();
}

void Client::say_over_tls(std::string_view text) {
  if (!play_.calm && play_.chance(5)) tls_->update_keys();
  const size_t split = play_.chance(30) ? play_.below(text.size()) : 0;
  if (split > 0) tls_->say(text.substr(0, split));
  tls_->say(text.substr(split));
}

// What only TLS can end by: a goodbye, an alert, a record that is none.
void Client::break_tls() {
  left_ = spoiled_ = true;
  switch (play_.below(3)) {
    case 0: tls_->say_goodbye(); break;
    case 1: tls_->out += std::string("\x15\3\3\0\2\2\x28", 7); break;
    default: tls_->out += std::string("\x17\3\3\0\x20", 5) + std::string(32, 'x'); break;
  }
  wire->inbound.append(tls_->out, 0, play_.chance(70) ? tls_->out.size() : play_.below(tls_->out.size() + 1));
  if (play_.chance(50)) wire->inbound_fin = true;
}

void Client::hang_up() {
  if (left_ || wire->closed) return;
  if (tls_ != nullptr && play_.chance(50)) {
    break_tls();
    wire->deliver();
    return;
  }
  switch (play_.below(3)) {
    case 0:
      left_ = true;
      wire->inbound_fin = true;
      break;
    case 1:
      left_ = true;
      wire->inbound_error = -ECONNRESET;
      break;
    default: wire->break_sending(); break;
  }
  wire->deliver();
}

// What weir has sent, in plain; false: it is no TLS.
bool Client::hear() {
  const std::string came = std::exchange(wire->outbound, {});
  if (tls_ != nullptr) return tls_->hear(came, got_) || spoiled_;
  got_ += came;
  return true;
}

void Client::listen() {
  const char* error = hear() ? nullptr : "broken TLS";
  const std::string before = got_;
  const size_t greeted = std::min(welcome_.size(), got_.size());
  if (got_.substr(0, greeted) != welcome_.substr(0, greeted)) error = "no welcome";
  welcome_.remove_prefix(greeted);
  got_.erase(0, greeted);
  while (!got_.empty() && error == nullptr) {
    if (tunnel_) {
      frames_.feed(got_, error);
      got_.clear();
      break;
    }
    if (in_body_) {
      got_.erase(0, body_.feed(got_, error));
      if (body_.done()) end_answer();
      continue;
    }
    const size_t end = got_.find("\r\n\r\n");
    if (end == std::string::npos) break;
    const std::string head = got_.substr(0, end + 2);
    got_.erase(0, end + 4);
    read_head(head);
  }
  if (error != nullptr) play_.fail(std::string("the client got ") + error + " in \"" + before.substr(0, 200) + "\"");
}

void Client::read_head(std::string_view head) {
  const int status = std::atoi(std::string(head.substr(9, 3)).c_str());
  if (!head.starts_with("HTTP/1.1 ") || status < 100) play_.fail("the client got no status line: " + std::string(head));
  if (status < 200 && status != 101) return;
  if (expected_.empty()) {
    // A 400 or 408 for what is no request of the script.
    if (status != 400 && status != 408) play_.fail("an answer without a request: " + std::string(head));
    expected_.push_back({});
  }
  const Expected& expected = expected_.front();
  const std::string_view id = field_of(head, "X-Id");
  if (!id.empty() && id != expected.id) play_.fail("the answer to " + std::string(id) + " came to " + expected.id);
  if (play_.calm && id.empty() && status != 416)
    play_.fail("not answered by a peer: " + expected.id + "\n" + std::string(head));
  if (status == 101) {
    if (!expected.websocket) play_.fail("101 to " + expected.id);
    tunnel_ = true;
    frames_.begin(expected.id);
    ++answers_;
    return;
  }
  const std::string_view length = field_of(head, "Content-Length");
  const bool is_chunked = field_of(head, "Transfer-Encoding") == "chunked";
  if (is_chunked && !length.empty()) play_.fail("both Content-Length and Transfer-Encoding to the client");
  BodyReader::Kind kind = BodyReader::Kind::kClose;
  if (is_chunked) kind = BodyReader::Kind::kChunked;
  if (!length.empty()) kind = BodyReader::Kind::kLength;
  if (expected.head_only || status == 204 || status == 304) kind = BodyReader::Kind::kNone;
  if (kind == BodyReader::Kind::kClose && field_of(head, "Connection") != "close")
    play_.fail("a body without an end: " + std::string(head));
  body_.begin(kind, std::strtoull(std::string(length).c_str(), nullptr, 10), std::string(id),
              field_of(head, "Content-Encoding") == "gzip");
  in_body_ = true;
  if (body_.done()) end_answer();
}

void Client::end_answer() {
  in_body_ = false;
  ++answers_;
  expected_.pop_front();
}

}  // namespace weir::sim
