// Serialisation of HTTP/1.1 (RFC 9112).
#include "http/h1_writer.h"

#include <charconv>
#include <cstring>

#include "http/control_scan.h"
#include "http/status.h"
#include "http/target.h"

namespace weir::http {
namespace {

constexpr size_t kDigits = 20;

struct Decimal {
  explicit Decimal(int64_t value) : size(static_cast<size_t>(std::to_chars(text, text + kDigits, value).ptr - text)) {}
  std::string_view view() const { return {text, size}; }
  char text[kDigits];
  size_t size;
};

bool is_written(const Field& field) {
  if (field.dropped) return false;
  switch (field.token) {
    case HeaderToken::kContentLength:
    case HeaderToken::kTransferEncoding:
    case HeaderToken::kConnection:
    case HeaderToken::kKeepAlive:
    case HeaderToken::kUpgrade: return false;
    default: break;
  }
  // What was received is clean by the pre-scan; what weir adds may hold a decoded variable.
  return !field.added || is_clean_value(field.value);
}

std::string_view connection_lines(ConnectionOption option) {
  switch (option) {
    case ConnectionOption::kNone: return {};
    case ConnectionOption::kClose: return "Connection: close\r\n";
    case ConnectionOption::kKeepAlive: return "Connection: keep-alive\r\n";
    case ConnectionOption::kUpgradeWebsocket: return "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  }
  return {};
}

char* put(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// First line (four pieces), fields, framing, Connection, empty line.
WrittenHead write_head(const std::string_view (&first)[4], const FieldList* fields, const OutFraming& framing,
                       ConnectionOption connection, Arena& arena) {
  const bool chunked = framing.framing == Framing::kChunked;
  const bool has_length =
      framing.length >= 0 && (framing.framing == Framing::kLength || framing.framing == Framing::kNone);
  const Decimal length(has_length ? framing.length : 0);
  const std::string_view framing_name = chunked      ? std::string_view("Transfer-Encoding: chunked\r\n")
                                        : has_length ? std::string_view("Content-Length: ")
                                                     : std::string_view();
  const std::string_view connection_text = connection_lines(connection);

  size_t size = 4 + framing_name.size() + (has_length ? length.size + 2 : 0) + connection_text.size();
  for (const std::string_view piece : first) size += piece.size();
  if (fields != nullptr)
    for (const Field& field : *fields)
      if (is_written(field)) size += field.name.size() + field.value.size() + 4;

  char* const text = arena.allocate(size);
  char* at = text;
  for (const std::string_view piece : first) at = put(at, piece);
  at = put(at, "\r\n");
  if (fields != nullptr) {
    for (const Field& field : *fields) {
      if (!is_written(field)) continue;
      at = put(at, field.name);
      at = put(at, ": ");
      at = put(at, field.value);
      at = put(at, "\r\n");
    }
  }
  at = put(at, framing_name);
  if (has_length) {
    at = put(at, length.view());
    at = put(at, "\r\n");
  }
  at = put(at, connection_text);
  put(at, "\r\n");
  return {{text, size}, chunked};
}

}  // namespace

WrittenHead write_response_head(const OutResponse& head, Arena& arena) {
  OutFraming framing = head.framing;
  ConnectionOption connection = head.connection;
  // RFC 9110 8.6 and 9112 6.1: neither Content-Length nor Transfer-Encoding in these.
  if (head.status < 200 || head.status == 204) framing = {};
  if (framing.framing == Framing::kChunked && head.client_version == Version::kHttp10) {
    framing.framing = Framing::kClose;  // such a client knows no chunks
    connection = ConnectionOption::kClose;
  }
  const Decimal status(head.status);
  const std::string_view reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  return write_head({"HTTP/1.1 ", status.view(), " ", reason}, head.fields, framing, connection, arena);
}

WrittenHead write_request_head(const OutRequest& head, Arena& arena) {
  const std::string_view end = head.version == Version::kHttp10 ? " HTTP/1.0" : " HTTP/1.1";
  const std::string_view target = encode_unsafe(head.target, arena);
  return write_head({head.method, " ", target, end}, head.fields, head.framing, head.connection, arena);
}

void write_body(bool chunked, const std::string_view* pieces, int count, OutBatch& out) {
  if (!chunked) {
    for (int i = 0; i < count; ++i) out.add(pieces[i]);
    return;
  }
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += pieces[i].size();
  if (total == 0) return;  // a chunk of no bytes would end the body
  char head[18];
  char* const end = std::to_chars(head, head + 16, total, 16).ptr;
  out.add_copy({head, static_cast<size_t>(put(end, "\r\n") - head)});
  for (int i = 0; i < count; ++i) out.add(pieces[i]);
  out.add("\r\n");
}

void write_end(bool chunked, OutBatch& out) {
  if (chunked) out.add("0\r\n\r\n");
}

}  // namespace weir::http
