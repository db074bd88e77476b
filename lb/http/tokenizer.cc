// llhttp at its narrowest: the field lines of one head, then pause.
#include "http/tokenizer.h"

#include <llhttp.h>

#include "base/bytes.h"

namespace weir::http {
namespace {

struct Sink {
  FieldList* fields;
  std::string_view name;
  std::string_view value;
  bool full = false;
  bool torn = false;  // a span that does not continue the one before: never seen with clean heads
};

Sink& sink_of(llhttp_t* parser) {
  return *static_cast<Sink*>(parser->data);
}

void extend(Sink& sink, std::string_view& text, const char* at, size_t size) {
  if (text.data() == nullptr) {
    text = {at, size};
  } else if (text.data() + text.size() == at) {
    text = {text.data(), text.size() + size};
  } else {
    sink.torn = true;
  }
}

int on_name(llhttp_t* parser, const char* at, size_t size) {
  Sink& sink = sink_of(parser);
  extend(sink, sink.name, at, size);
  return 0;
}

int on_value(llhttp_t* parser, const char* at, size_t size) {
  Sink& sink = sink_of(parser);
  extend(sink, sink.value, at, size);
  return 0;
}

// Once for each field of each head: what it calls stands in it.
[[gnu::flatten]] int on_value_complete(llhttp_t* parser) {
  Sink& sink = sink_of(parser);
  if (!sink.fields->add(sink.name, trim_ows(sink.value), header_token(sink.name), false)) sink.full = true;
  sink.name = sink.value = {};
  // A peer may say its length twice, if it is the same (check_response looks); llhttp would refuse the second line.
  if (parser->type == HTTP_RESPONSE) {
    parser->flags = static_cast<uint16_t>(parser->flags & ~F_CONTENT_LENGTH);
    parser->content_length = 0;
  }
  return sink.full || sink.torn ? HPE_USER : 0;
}

// Nothing behind the head is llhttp's business: bodies and upgrades are framed by us.
int on_head(llhttp_t*) {
  return HPE_PAUSED;
}

constexpr llhttp_settings_t kSettings = [] {
  llhttp_settings_t settings{};
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_header_value_complete = on_value_complete;
  settings.on_headers_complete = on_head;
  return settings;
}();

Reject refusal(llhttp_errno_t error) {
  switch (error) {
    case HPE_UNEXPECTED_CONTENT_LENGTH: return {400, "Content-Length is repeated or stands beside Transfer-Encoding"};
    case HPE_INVALID_CONTENT_LENGTH: return {400, "invalid Content-Length"};
    case HPE_INVALID_TRANSFER_ENCODING: return {400, "invalid Transfer-Encoding"};
    case HPE_INVALID_HEADER_TOKEN: return {400, "invalid header field"};
    default: return {400, "malformed head"};
  }
}

// A parser that has read a first line with nothing in it that matters.
llhttp_t parser_behind(llhttp_type_t type, std::string_view first_line) {
  llhttp_t parser;
  llhttp_init(&parser, type, &kSettings);
  llhttp_execute(&parser, first_line.data(), first_line.size());
  return parser;
}

}  // namespace

std::optional<Reject> tokenize_fields(Prescan::Kind kind, std::string_view lines, FieldList& fields) {
  static const llhttp_t behind_request_line = parser_behind(HTTP_REQUEST, "GET / HTTP/1.1\r\n");
  static const llhttp_t behind_status_line = parser_behind(HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n");
  Sink sink{&fields, {}, {}};
  llhttp_t parser = kind == Prescan::Kind::kRequest ? behind_request_line : behind_status_line;
  parser.data = &sink;
  const llhttp_errno_t error = llhttp_execute(&parser, lines.data(), lines.size());
  if (sink.full) return Reject{431, "too many header fields"};
  if (error == HPE_PAUSED) {
    // The pause must come at the very last byte: pre-scan and llhttp agree on where the head ends.
    if (llhttp_get_error_pos(&parser) < lines.data() + lines.size() - 1) return Reject{400, "head ends early"};
    return std::nullopt;
  }
  if (error == HPE_OK) return Reject{400, "head does not end"};
  return refusal(error);
}

bool is_llhttp_strict() {
  // CVE-2023-30589: the loose build takes CR for a line end and sees Transfer-Encoding here.
  constexpr std::string_view kHead = "GET / HTTP/1.1\r\nX: \rTransfer-Encoding: chunked\r\n\r\n";
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  return llhttp_execute(&parser, kHead.data(), kHead.size()) != HPE_OK;
}

}  // namespace weir::http
