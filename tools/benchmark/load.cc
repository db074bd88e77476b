// Load for HTTP/1.1, open loop or closed. Open loop (--rate): the schedule is made first and a request's latency counts
// from the time it was due, so that a proxy that stalls is seen to stall (a closed loop politely waits with it). One
// thread, one JSON object on stdout.
//   weir-load HOST:PORT/PATH [--rate N | --closed] [--connections N] [--seconds S] [--method M] [--body BYTES]
//             [--header 'Name: value'] [--close] [--websocket BYTES] [--timeout S] [--hosts N] [--paths N] [--window MS]
//             [--tls | --tls-resume] [--tls12] [--server-name NAME]
// --window: the open loop's schedule is also cut into windows of that length; of each the worst thousandth is taken, and
// of those the lower quartile is told. A virtual machine is stopped for milliseconds many times a second: that much is
// in every run's p99.9, whatever stands between; a window of tens of milliseconds may be spared.
// --tls: over TLS 1.3, or with --tls12 that; a connection's handshake is full, or with --tls-resume it goes on with the
// session of the one before.
// --hosts and --paths cycle through the hosts h0.example ... and the paths /p0/PATH ..., one a request.
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <time.h>
#include "load_tls.h"
#include "sockets.h"

namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// Log-linear: 64 steps to each doubling, so a value is known to 1.6 %. Microseconds.
class Histogram {
 public:
  void add(int64_t us) {
    const auto value = static_cast<uint64_t>(std::max<int64_t>(us, 0));
    ++counts_[index(value)];
    ++total_;
    sum_ += value;
    most_ = std::max(most_, value);
  }
  uint64_t total() const { return total_; }
  uint64_t most() const { return most_; }
  double mean() const { return total_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(total_); }
  uint64_t quantile(double q) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(total_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i)
      if ((seen += counts_[i]) >= wanted && counts_[i] > 0) return std::min(value_of(i), most_);
    return most_;
  }

 private:
  static constexpr int kBits = 6;
  static size_t index(uint64_t v) {
    if (v < (1u << kBits)) return v;
    const int shift = 63 - __builtin_clzll(v) - kBits;
    return (static_cast<size_t>(shift + 1) << kBits) + static_cast<size_t>((v >> shift) - (1u << kBits));
  }
  static uint64_t value_of(size_t i) {  // the greatest of the step
    if (i < (1u << kBits)) return i;
    const auto shift = static_cast<int>(i >> kBits) - 1;
    return (((i & ((1u << kBits) - 1)) + (1u << kBits) + 1) << shift) - 1;
  }
  std::array<uint64_t, 48u << kBits> counts_{};
  uint64_t total_ = 0, sum_ = 0, most_ = 0;
};

// The end of one response, found without keeping it.
class ResponseReader {
 public:
  void begin(bool head_only) { *this = ResponseReader(), head_only_ = head_only; }
  // How much of `bytes` belongs to the response; done() and broken() say the rest.
  size_t feed(std::string_view bytes) {
    size_t at = 0;
    while (at < bytes.size() && !done_ && !broken_) {
      if (in_head_) {
        head_.push_back(bytes[at++]);
        if (head_.ends_with("\r\n\r\n")) end_head();
        if (head_.size() > 64 * 1024) broken_ = true;
      } else if (chunked_ && left_ == 0) {
        head_.push_back(bytes[at++]);
        if (head_.ends_with("\r\n")) end_line();
      } else {
        const size_t take = std::min<uint64_t>(left_, bytes.size() - at);
        at += take;
        left_ -= take;
        if (left_ == 0 && !chunked_) done_ = true;
      }
    }
    return at;
  }
  void end_of_stream() { (until_close_ ? done_ : broken_) = true; }
  bool done() const { return done_; }
  bool broken() const { return broken_; }
  bool begun() const { return !in_head_ || !head_.empty(); }
  bool keep_alive() const { return keep_alive_; }
  int status() const { return status_; }

 private:
  void end_head() {
    status_ = head_.size() > 12 ? std::atoi(head_.c_str() + 9) : 0;
    if (status_ >= 100 && status_ < 200 && status_ != 101) {
      head_.clear();
      return;
    }
    for (char& c : head_) c = static_cast<char>(tolower(c));
    in_head_ = false;
    keep_alive_ = head_.find("\r\nconnection: close") == std::string::npos;
    chunked_ = head_.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    const size_t length = head_.find("\r\ncontent-length:");
    left_ = length == std::string::npos ? 0 : std::strtoull(head_.c_str() + length + 17, nullptr, 10);
    if (head_only_ || status_ == 101 || status_ == 204 || status_ == 304) {
      done_ = true;
    } else if (!chunked_ && length == std::string::npos) {
      until_close_ = true;
      keep_alive_ = false;
      left_ = UINT64_MAX;
    } else if (!chunked_ && left_ == 0) {
      done_ = true;
    }
    head_.clear();
  }
  // Of the chunked framing: a size, the end behind a chunk's data, or a trailer.
  void end_line() {
    if (trailers_) {
      if (head_ == "\r\n") done_ = true;
    } else if (head_ != "\r\n") {
      const uint64_t size = std::strtoull(head_.c_str(), nullptr, 16);
      if (size == 0) {
        trailers_ = true;
      } else {
        left_ = size;
      }
    }
    head_.clear();
  }

  std::string head_;
  uint64_t left_ = 0;
  int status_ = 0;
  bool in_head_ = true, chunked_ = false, trailers_ = false, until_close_ = false, head_only_ = false;
  bool keep_alive_ = true, done_ = false, broken_ = false;
};

struct Options {
  std::string address, path = "/", method = "GET";
  std::vector<std::string> headers;
  double rate = 0;  // 0: closed loop
  int connections = 64;
  double seconds = 10, timeout = 10;
  double window = 0;  // ms; 0: none
  size_t body = 0;
  int hosts = 0, paths = 0;  // how many to cycle through; 0: the address, the path
  size_t websocket = 0;      // bytes of a message; 0: HTTP
  bool close = false;
  bool tls = false, tls12 = false, resume = false;
  std::string server_name;
};

class Load;

struct Connection {
  int fd = -1;
  SSL* tls = nullptr;
  enum class State : uint8_t { kConnecting, kShaking, kUpgrading, kIdle, kBusy } state = State::kConnecting;
  int64_t due = 0;      // of the request under way
  int64_t started = 0;  // on the wire; for the timeout
  bool has_work = false;
  bool used = false;  // it has carried a request before
  const std::string* request = nullptr;
  size_t sent = 0;
  size_t echo_left = 0;
  ResponseReader reader;
};

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)),
        address_(parse_address(options_.address.c_str())),
        tls_(options_.resume, options_.tls12, options_.server_name) {
    epoll_ = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    // Written beforehand, so that many cost the load no more than one.
    for (int i = 0; i < std::max({1, options_.hosts, options_.paths}); ++i) requests_.push_back(request(i));
    if (options_.websocket > 0) {
      upgrade_ = "GET " + options_.path + " HTTP/1.1\r\nHost: " + options_.address +
                 "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
      requests_ = {frame(options_.websocket)};
    }
  }

  void run() {
    if (options_.window > 0 && options_.rate > 0)
      windows_.resize(static_cast<size_t>(options_.seconds * kSecond) / static_cast<size_t>(window_ns()) + 1);
    start_ = now_ns();
    stop_ = start_ + static_cast<int64_t>(options_.seconds * kSecond);
    const int64_t last = stop_ + static_cast<int64_t>(options_.timeout * kSecond);
    if (options_.rate <= 0 || options_.websocket > 0)
      for (int i = 0; i < options_.connections; ++i) open();
    for (;;) {
      const int64_t now = now_ns();
      if (now < stop_) {
        schedule(now);
      } else if (busy_ == 0 && waiting_.empty()) {
        break;
      }
      if (now >= last) break;
      expire(now);
      poll(now);
    }
    end_ = std::min(now_ns(), last);
    for (auto& connection : connections_)
      if (connection->has_work) fail(*connection, "timeout");
    errors_["timeout"] += waiting_.size();
  }

  void print() const {
    const double seconds = static_cast<double>(std::max<int64_t>(end_ - start_, 1)) / kSecond;
    uint64_t failed = 0;
    for (const auto& [kind, count] : errors_) failed += count;
    std::printf("{\"mode\": \"%s\", \"connections\": %d, \"seconds\": %.3f, \"scheduled\": %" PRIu64
                ", \"done\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"rate\": %.1f, ",
                options_.rate > 0 ? "open" : "closed", options_.connections, seconds, scheduled_, latency_.total(),
                failed, static_cast<double>(latency_.total()) / seconds);
    std::printf("\"us\": {\"mean\": %.1f, \"p50\": %" PRIu64 ", \"p90\": %" PRIu64 ", \"p99\": %" PRIu64
                ", \"p99.9\": %" PRIu64 ", \"max\": %" PRIu64 "}, \"statuses\": {",
                latency_.mean(), latency_.quantile(0.5), latency_.quantile(0.9), latency_.quantile(0.99),
                latency_.quantile(0.999), latency_.most());
    const char* comma = "";
    for (const auto& [status, count] : statuses_) std::printf("%s\"%d\": %" PRIu64, comma, status, count), comma = ", ";
    std::printf("}, ");
    if (const std::vector<uint64_t> worst = worst_of_windows(); !worst.empty())
      std::printf("\"windows\": {\"count\": %zu, \"p99.9 lower quartile\": %" PRIu64 "}, ", worst.size(),
                  worst[worst.size() / 4]);
    if (options_.tls)
      std::printf("\"handshakes\": {\"full\": %" PRIu64 ", \"resumed\": %" PRIu64 "}, ", tls_.full, tls_.resumed);
    std::printf("\"errors\": {");
    comma = "";
    for (const auto& [kind, count] : errors_)
      if (count > 0) std::printf("%s\"%s\": %" PRIu64, comma, kind.c_str(), count), comma = ", ";
    std::printf("}}\n");
  }

 private:
  static std::string frame(size_t size) {
    std::string out = "\x82";
    if (size < 126) {
      out += static_cast<char>(0x80 | size);
    } else {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(size >> 8);
      out += static_cast<char>(size);
    }
    return out + "\1\2\3\4" + std::string(size, 'm');
  }
  int64_t window_ns() const { return static_cast<int64_t>(options_.window * 1e6); }
  std::vector<uint64_t> worst_of_windows() const {  // ascending
    std::vector<uint64_t> worst;
    for (const Histogram& window : windows_)
      if (window.total() > 0) worst.push_back(window.quantile(0.999));
    std::sort(worst.begin(), worst.end());
    return worst;
  }
  size_t echo_size() const { return options_.websocket + (options_.websocket < 126 ? 2 : 4); }

  std::string request(int i) const {
    const std::string path =
        options_.paths > 0 ? "/p" + std::to_string(i % options_.paths) + options_.path : options_.path;
    const std::string host =
        options_.hosts > 0 ? "h" + std::to_string(i % options_.hosts) + ".example" : options_.address;
    std::string out = options_.method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n";
    for (const std::string& header : options_.headers) out += header + "\r\n";
    if (options_.close) out += "Connection: close\r\n";
    if (options_.body > 0) out += "Content-Length: " + std::to_string(options_.body) + "\r\n";
    return out + "\r\n" + std::string(options_.body, 'b');
  }

  // Everything that is due by now gets a connection or a place in the line.
  void schedule(int64_t now) {
    if (options_.rate <= 0) return;
    const auto due = static_cast<uint64_t>(static_cast<double>(now - start_) / kSecond * options_.rate);
    for (; scheduled_ < due; ++scheduled_) {
      const int64_t at = start_ + static_cast<int64_t>(static_cast<double>(scheduled_) / options_.rate * kSecond);
      if (!idle_.empty()) {
        Connection* connection = idle_.back();
        idle_.pop_back();
        give(*connection, at);
      } else {
        waiting_.push_back(at);
        if (opened_ < options_.connections) open();
      }
    }
  }

  void open() {
    auto made = std::make_unique<Connection>();
    Connection& c = *made;
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (c.fd < 0) {
      ++errors_["local"];
      return;
    }
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++opened_;
    c.started = now_ns();
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) < 0 && errno != EINPROGRESS) {
      close(c.fd);
      --opened_;
      connect_failed();
      return;
    }
    watch(epoll_, c.fd, EPOLLOUT, &c);
    connections_.push_back(std::move(made));
  }

  // Nobody's request was on it, but one has waited for it.
  void connect_failed() {
    ++errors_["connect"];
    if (!waiting_.empty()) waiting_.pop_front();
  }

  void give(Connection& c, int64_t due) {
    c.state = Connection::State::kBusy;
    c.has_work = true;
    ++busy_;
    c.due = due;
    c.started = now_ns();
    c.request = &requests_[next_request_];
    if (++next_request_ == requests_.size()) next_request_ = 0;
    c.sent = 0;
    c.echo_left = echo_size();
    c.reader.begin(options_.method == "HEAD");
    send_request(c);
  }

  void next(Connection& c) {
    if (options_.rate > 0) {
      if (!waiting_.empty()) {
        const int64_t due = waiting_.front();
        waiting_.pop_front();
        give(c, due);
        return;
      }
    } else if (const int64_t now = now_ns(); now < stop_) {
      ++scheduled_;
      give(c, now);
      return;
    }
    c.state = Connection::State::kIdle;
    idle_.push_back(&c);
  }

  void send_request(Connection& c) {
    const std::string& what = c.state == Connection::State::kUpgrading ? upgrade_ : *c.request;
    const char* from = what.data() + c.sent;
    const size_t left = what.size() - c.sent;
    const ssize_t put = c.tls != nullptr ? TlsClients::put(c.tls, from, left) : send(c.fd, from, left, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN) {
      lose(c, "reset");
      return;
    }
    if (put > 0) c.sent += static_cast<size_t>(put);
    interest(c, c.sent < what.size() ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void interest(Connection& c, uint32_t events) {
    if (wanted_[c.fd] == events) return;
    wanted_[c.fd] = events;
    epoll_event event = {};
    event.events = events;
    event.data.ptr = &c;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
  }

  void poll(int64_t now) {
    epoll_event events[256];
    // Until the next request is due: spinning would take the core from whoever shares it.
    int64_t wait = 1'000'000;
    if (options_.rate > 0 && now < stop_) {
      const int64_t next = start_ + static_cast<int64_t>(static_cast<double>(scheduled_ + 1) / options_.rate * kSecond);
      wait = std::clamp<int64_t>(next - now, 0, wait);
    }
    const timespec time{0, static_cast<long>(wait)};
    const int count = epoll_pwait2(epoll_, events, 256, &time, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& c = *static_cast<Connection*>(events[i].data.ptr);
      if (c.fd >= 0) handle(c, events[i].events);
    }
    std::erase_if(connections_, [](const auto& connection) { return connection->fd < 0; });
    if (options_.rate <= 0 && now < stop_)
      while (opened_ < options_.connections) open();
    while (options_.rate > 0 && opened_ < options_.connections && static_cast<size_t>(connecting()) < waiting_.size())
      open();
  }

  int connecting() const {
    return static_cast<int>(std::count_if(connections_.begin(), connections_.end(), [](const auto& c) {
      return c->state == Connection::State::kConnecting || c->state == Connection::State::kShaking ||
             c->state == Connection::State::kUpgrading;
    }));
  }

  void handle(Connection& c, uint32_t events) {
    if (c.state == Connection::State::kConnecting) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) {
        shut(c);
        connect_failed();
        return;
      }
      if (options_.tls) {
        c.tls = tls_.begin(c.fd);
        c.state = Connection::State::kShaking;
        shake(c);
        return;
      }
      begin(c);
      return;
    }
    if (c.state == Connection::State::kShaking) return shake(c);
    if ((events & EPOLLOUT) && c.state != Connection::State::kIdle) send_request(c);
    if (c.fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(c);
  }

  void shake(Connection& c) {
    switch (tls_.shake(c.tls)) {
      case TlsClients::State::kDone: return begin(c);
      case TlsClients::State::kReads: return interest(c, EPOLLIN);
      case TlsClients::State::kWrites: return interest(c, EPOLLOUT);
      case TlsClients::State::kFailed: break;
    }
    shut(c);
    ++errors_["handshake"];
    if (!waiting_.empty()) waiting_.pop_front();
  }

  // It is there: what it was opened for.
  void begin(Connection& c) {
    if (!upgrade_.empty()) {
      c.state = Connection::State::kUpgrading;
      c.reader.begin(false);
      send_request(c);
      return;
    }
    next(c);
    if (c.fd >= 0 && c.state == Connection::State::kIdle) interest(c, EPOLLIN);
  }

  void receive(Connection& c) {
    static char buffer[256 * 1024];
    const ssize_t got = c.tls != nullptr ? TlsClients::get(c.tls, buffer, sizeof buffer) : read(c.fd, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN) return;
    if (c.state == Connection::State::kIdle) {
      shut(c);  // the server is done with it
      return;
    }
    if (got <= 0) {
      if (got == 0 && c.has_work && upgrade_.empty()) {
        c.reader.end_of_stream();
        if (c.reader.done()) return finish(c);
      }
      lose(c, got == 0 ? (c.reader.begun() ? "cut" : "closed") : "reset");
      return;
    }
    if (c.state == Connection::State::kBusy && !upgrade_.empty()) {
      c.echo_left -= std::min(c.echo_left, static_cast<size_t>(got));
      if (c.echo_left == 0) finish(c);
      return;
    }
    c.reader.feed({buffer, static_cast<size_t>(got)});
    if (c.reader.broken()) return lose(c, "invalid");
    if (!c.reader.done()) return;
    if (c.state == Connection::State::kUpgrading) {
      if (c.reader.status() != 101) return lose(c, "refused");
      next(c);
      return;
    }
    finish(c);
  }

  void finish(Connection& c) {
    const int64_t us = (now_ns() - c.due) / 1000;
    latency_.add(us);
    if (!windows_.empty())
      windows_[std::min(static_cast<size_t>((c.due - start_) / window_ns()), windows_.size() - 1)].add(us);
    if (upgrade_.empty()) ++statuses_[c.reader.status()];
    c.has_work = false;
    c.used = true;
    --busy_;
    if (upgrade_.empty() && (options_.close || !c.reader.keep_alive())) {
      shut(c);
      return;
    }
    next(c);
  }

  void fail(Connection& c, const char* kind) {
    ++errors_[kind];
    if (c.has_work) --busy_;
    c.has_work = false;
  }
  void lose(Connection& c, const char* kind) {
    fail(c, kind);
    shut(c);
  }
  void shut(Connection& c) {
    std::erase(idle_, &c);
    wanted_.erase(c.fd);
    if (c.tls != nullptr) TlsClients::end(std::exchange(c.tls, nullptr));
    close(c.fd);
    c.fd = -1;
    --opened_;
  }

  void expire(int64_t now) {
    if (now < next_expiry_) return;
    next_expiry_ = now + kSecond / 10;
    for (auto& c : connections_)
      if (c->fd >= 0 && c->state != Connection::State::kIdle &&
          now - c->started > static_cast<int64_t>(options_.timeout * kSecond)) {
        if (c->state == Connection::State::kConnecting || c->state == Connection::State::kShaking) {
          shut(*c);
          connect_failed();
        } else {
          lose(*c, "timeout");
        }
      }
    std::erase_if(connections_, [](const auto& connection) { return connection->fd < 0; });
  }

  const Options options_;
  const sockaddr_in address_;
  TlsClients tls_;
  int epoll_ = -1;
  std::vector<std::string> requests_;  // taken in turn
  size_t next_request_ = 0;
  std::string upgrade_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  std::deque<int64_t> waiting_;  // due times without a connection
  std::map<int, uint32_t> wanted_;
  int opened_ = 0;
  int busy_ = 0;
  uint64_t scheduled_ = 0;
  int64_t start_ = 0, stop_ = 0, end_ = 0, next_expiry_ = 0;
  Histogram latency_;
  std::vector<Histogram> windows_;
  std::map<int, uint64_t> statuses_;
  std::map<std::string, uint64_t> errors_;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: weir-load HOST:PORT/PATH [--rate N | --closed] [--connections N] [--seconds S] [--method M]\n"
               "       [--body BYTES] [--header 'Name: value'] [--close] [--websocket BYTES] [--timeout S]\n"
               "       [--hosts N] [--paths N] [--window MS] [--tls | --tls-resume] [--tls12] [--server-name NAME]\n");
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> const char* { return ++i < argc ? argv[i] : (usage(), nullptr); };
    if (word == "--rate")
      options.rate = std::atof(value());
    else if (word == "--closed")
      options.rate = 0;
    else if (word == "--connections")
      options.connections = std::atoi(value());
    else if (word == "--seconds")
      options.seconds = std::atof(value());
    else if (word == "--window")
      options.window = std::atof(value());
    else if (word == "--timeout")
      options.timeout = std::atof(value());
    else if (word == "--method")
      options.method = value();
    else if (word == "--body")
      options.body = static_cast<size_t>(std::atoll(value()));
    else if (word == "--header")
      options.headers.emplace_back(value());
    else if (word == "--hosts")
      options.hosts = std::atoi(value());
    else if (word == "--paths")
      options.paths = std::atoi(value());
    else if (word == "--close")
      options.close = true;
    else if (word == "--tls" || word == "--tls-resume") {
      options.tls = true;
      options.resume = word == "--tls-resume";
    } else if (word == "--tls12")
      options.tls12 = true;
    else if (word == "--server-name")
      options.server_name = value();
    else if (word == "--websocket")
      options.websocket = static_cast<size_t>(std::atoll(value()));
    else if (word.starts_with("--") || !options.address.empty())
      usage();
    else {
      const size_t slash = word.find('/');
      options.address = word.substr(0, slash);
      if (slash != std::string::npos) options.path = word.substr(slash);
    }
  }
  const bool sane = options.connections > 0 && options.seconds > 0 && options.seconds <= 3600 && options.rate >= 0 &&
                    options.timeout > 0 && options.websocket <= 60'000 && (options.window == 0 || options.window >= 1) && options.hosts >= 0 &&
                    options.hosts <= 100'000 && options.paths >= 0 && options.paths <= 100'000;
  if (options.address.empty() || !sane) usage();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  prepare_process();
  prctl(PR_SET_TIMERSLACK, 1L);  // ns
  Load load(options);
  load.run();
  load.print();
}
