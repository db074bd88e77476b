#include "io/tls_client_hello.h"

#include <cstddef>

namespace weir::io {
namespace {

constexpr size_t kMostHello = 64 * 1024;
constexpr size_t kMostRecord = 16 * 1024;
constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kClientHelloMessage = 1;
constexpr size_t kServerNameExtension = 0;
constexpr size_t kAlpnExtension = 16;
constexpr std::string_view kAcmeProtocol = "acme-tls/1";
constexpr size_t kHostName = 0;

// Takes numbers and vectors off the front; once something is missing, nothing comes any more.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  bool ok() const { return ok_; }
  bool empty() const { return left_.empty(); }
  size_t number(int bytes) {
    size_t value = 0;
    for (const char c : take(static_cast<size_t>(bytes))) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  std::string_view take(size_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::string_view vector(int length_bytes) { return take(number(length_bytes)); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

// The handshake message out of its records; `missing` is 0 when it is whole. False: broken, and `alert` says how.
bool join_records(std::string_view bytes, std::string& message, size_t& missing, TlsAlert& alert) {
  missing = 1;
  const auto broken = [&alert](TlsAlert with) {
    alert = with;
    return false;
  };
  while (!bytes.empty()) {
    if (static_cast<uint8_t>(bytes[0]) != kHandshakeRecord) return broken(TlsAlert::kUnexpectedMessage);
    if (bytes.size() > 1 && bytes[1] != 3) return broken(TlsAlert::kProtocolVersion);
    if (bytes.size() < 5) return true;
    const size_t size = Reader(bytes.substr(3, 2)).number(2);
    if (size == 0) return broken(TlsAlert::kUnexpectedMessage);  // RFC 8446 5.1
    if (size > kMostRecord) return broken(TlsAlert::kRecordOverflow);
    message.append(bytes.substr(5, size));
    if (!message.empty() && static_cast<uint8_t>(message[0]) != kClientHelloMessage)
      return broken(TlsAlert::kUnexpectedMessage);
    if (message.size() >= 4) {
      const size_t wanted = 4 + Reader(std::string_view(message).substr(1, 3)).number(3);
      if (wanted > kMostHello) return broken(TlsAlert::kDecodeError);
      if (message.size() >= wanted) {
        message.resize(wanted);
        missing = 0;
        return true;
      }
      missing = wanted - message.size();
    }
    if (bytes.size() < 5 + size) return true;
    bytes.remove_prefix(5 + size);
  }
  return true;
}

// False: broken.
bool read_server_name(std::string_view extension, std::string& into) {
  Reader outer(extension);
  Reader list(outer.vector(2));
  while (outer.ok() && list.ok() && !list.empty()) {
    const size_t type = list.number(1);
    const std::string_view name = list.vector(2);
    if (!list.ok() || type != kHostName) continue;
    if (name.empty() || name.size() > 255 || !into.empty()) return false;
    into = name;
  }
  return outer.ok() && list.ok() && outer.empty();
}

// What is broken there is the TLS library's to say.
bool offers_acme_alone(std::string_view extension) {
  Reader outer(extension);
  Reader list(outer.vector(2));
  return list.vector(1) == kAcmeProtocol && outer.ok() && list.ok() && list.empty();
}

bool read_message(std::string_view message, ClientHello& into) {
  Reader hello(message.substr(4));
  hello.take(2 + 32);  // legacy_version, random
  hello.vector(1);     // legacy_session_id
  hello.vector(2);     // cipher_suites
  hello.vector(1);     // legacy_compression_methods
  if (!hello.ok()) return false;
  if (hello.empty()) return true;  // TLS 1.2 may come without extensions
  Reader extensions(hello.vector(2));
  while (hello.ok() && extensions.ok() && !extensions.empty()) {
    const size_t type = extensions.number(2);
    const std::string_view data = extensions.vector(2);
    if (!extensions.ok()) break;
    if (type == kServerNameExtension && !read_server_name(data, into.server_name)) return false;
    if (type == kAlpnExtension) into.proves_name = offers_acme_alone(data);
  }
  return hello.ok() && extensions.ok() && hello.empty();
}

}  // namespace

ClientHello read_client_hello(std::string_view bytes) {
  ClientHello hello;
  std::string message;
  if (!join_records(bytes, message, hello.missing, hello.alert)) {
    hello.state = ClientHello::State::kBroken;
  } else if (hello.missing == 0) {
    hello.state = read_message(message, hello) ? ClientHello::State::kWhole : ClientHello::State::kBroken;
    if (hello.state != ClientHello::State::kBroken) return hello;
    hello.server_name.clear();
    hello.proves_name = false;
  } else if (bytes.size() > kMostHello) {
    hello.state = ClientHello::State::kBroken;
  }
  return hello;
}

}  // namespace weir::io
