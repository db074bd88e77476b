// Serialisation of HTTP/1.1 (RFC 9112).
#include "http/h1_writer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "http/control_scan.h"
#include "http/status.h"
#include "http/target.h"

namespace weir::http {
namespace {

constexpr size_t kDigits = 20;

struct Decimal {
  explicit Decimal(int64_t value) : size(static_cast<size_t>(std::to_chars(text, text + kDigits, value).ptr - text)) {}
  std::string_view view() const { return {text, size}; }
  char text[2 * kDigits];  // put() moves up to 32 bytes at once, as far as the compiler can see
  size_t size;
};

// The codec writes these itself.
constexpr TokenSet kFraming{HeaderToken::kContentLength, HeaderToken::kTransferEncoding, HeaderToken::kConnection,
                            HeaderToken::kKeepAlive, HeaderToken::kUpgrade};

bool is_written(const Field& field) {
  if (field.dropped || kFraming.has(field.token)) return false;
  return field.clean || is_clean_value(field.value);  // what weir adds may hold a decoded variable
}

// Whether the line stands in the received head as it would be written: "name: value" and CRLF. (A clean head has CRLF
// behind every value, so the byte behind one may be looked at.)
bool is_verbatim(const Field& field) {
  if (field.added) return false;
  const char* const colon = field.name.data() + field.name.size();
  return field.value.data() == colon + 2 && colon[1] == ' ' && field.value.data()[field.value.size()] == '\r';
}

[[gnu::noinline]] std::string_view upgrade_lines(std::string_view protocol, Arena& arena) {
  return arena.concat({"Connection: Upgrade\r\nUpgrade: ", protocol, "\r\n"});
}

[[gnu::always_inline]] inline std::string_view connection_lines(ConnectionOption option, std::string_view upgrade,
                                                                Arena& arena) {
  switch (option) {
    case ConnectionOption::kNone: return {};
    case ConnectionOption::kClose: return "Connection: close\r\n";
    case ConnectionOption::kKeepAlive: return "Connection: keep-alive\r\n";
    case ConnectionOption::kUpgrade: return upgrade_lines(upgrade, arena);
  }
  return {};
}

// Mostly a few bytes: two moves that may overlap instead of a call, and constant text becomes constant stores.
[[gnu::always_inline]] inline char* put(char* at, std::string_view text) {
  const size_t n = text.size();
  const char* from = text.data();
  if (n > 32) {
    std::memcpy(at, from, n);
  } else if (n >= 16) {
    std::memcpy(at, from, 16);
    std::memcpy(at + n - 16, from + n - 16, 16);
  } else if (n >= 8) {
    std::memcpy(at, from, 8);
    std::memcpy(at + n - 8, from + n - 8, 8);
  } else if (n >= 4) {
    std::memcpy(at, from, 4);
    std::memcpy(at + n - 4, from + n - 4, 4);
  } else {
    for (size_t i = 0; i < n; ++i) at[i] = from[i];
  }
  return at + n;
}

char digit(int number) {
  return static_cast<char>('0' + number % 10);
}

char* put_two(char* at, char a, char b) {
  at[0] = a;
  at[1] = b;
  return at + 2;
}

// First line (four pieces), fields, framing, Connection, empty line.
std::string_view write_head(const std::string_view (&first)[4], const FieldList* fields, const OutFraming& framing,
                            std::string_view connection_text, Arena& arena) {
  const bool chunked = framing.framing == Framing::kChunked;
  const bool has_length =
      framing.length >= 0 && (framing.framing == Framing::kLength || framing.framing == Framing::kNone);
  const Decimal length(has_length ? framing.length : 0);
  const std::string_view framing_name = chunked      ? std::string_view("Transfer-Encoding: chunked\r\n")
                                        : has_length ? std::string_view("Content-Length: ")
                                                     : std::string_view();

  // An upper bound; what is not used is given back.
  size_t size = 4 + framing_name.size() + (has_length ? length.size + 2 : 0) + connection_text.size();
  for (const std::string_view piece : first) size += piece.size();
  if (fields != nullptr)
    for (const Field& field : *fields) size += field.name.size() + field.value.size() + 4;

  char* const text = arena.allocate(size);
  char* at = text;
  for (const std::string_view piece : first) at = put(at, piece);
  at = put_two(at, '\r', '\n');
  if (fields != nullptr) {
    // Lines that follow each other in the received head are copied together.
    std::string_view run;
    for (const Field& field : *fields) {
      if (!is_written(field)) continue;
      if (is_verbatim(field)) {
        const size_t line = field.name.size() + field.value.size() + 4;
        if (run.data() + run.size() == field.name.data()) {
          run = {run.data(), run.size() + line};
        } else {
          at = put(at, run);
          run = {field.name.data(), line};
        }
        continue;
      }
      at = put(at, std::exchange(run, {}));
      at = put(at, field.name);
      at = put_two(at, ':', ' ');
      at = put(at, field.value);
      at = put_two(at, '\r', '\n');
    }
    at = put(at, run);
  }
  at = put(at, framing_name);
  if (has_length) {
    at = put(at, length.view());
    at = put_two(at, '\r', '\n');
  }
  at = put(at, connection_text);
  at = put_two(at, '\r', '\n');
  const auto written = static_cast<size_t>(at - text);
  arena.shrink_last(text, written);
  return {text, written};
}

}  // namespace

std::string_view write_response_head(const OutResponse& head, OutFraming framing, ConnectionOption connection,
                                     Arena& arena) {
  // RFC 9110 8.6 and 9112 6.1: neither Content-Length nor Transfer-Encoding in these.
  if (head.status < 200 || head.status == 204) framing = {};
  const char status[] = {digit(head.status / 100), digit(head.status / 10), digit(head.status)};
  const std::string_view reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  const std::string_view lines = connection_lines(connection, head.upgrade, arena);
  return write_head({"HTTP/1.1 ", {status, sizeof status}, " ", reason}, head.fields, framing, lines, arena);
}

std::string_view write_request_head(const OutRequest& head, Arena& arena) {
  const std::string_view end = head.version == Version::kHttp10 ? " HTTP/1.0" : " HTTP/1.1";
  const std::string_view target = encode_unsafe(head.target, arena);
  const std::string_view lines = connection_lines(head.connection, head.upgrade, arena);
  return write_head({head.method, " ", target, end}, head.fields, head.framing, lines, arena);
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

void write_end(const FieldList& trailers, Arena& arena, OutBatch& out) {
  size_t size = 5;
  for (const Field& field : trailers) size += field.name.size() + field.value.size() + 4;
  char* const text = arena.allocate(size);
  char* at = put(text, "0\r\n");
  for (const Field& field : trailers) {
    if (!is_written(field)) continue;
    at = put(at, field.name);
    at = put_two(at, ':', ' ');
    at = put(at, field.value);
    at = put_two(at, '\r', '\n');
  }
  at = put_two(at, '\r', '\n');
  const auto written = static_cast<size_t>(at - text);
  arena.shrink_last(text, written);
  out.add({text, written});
}

}  // namespace weir::http
