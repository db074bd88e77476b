// llhttp at its narrowest: header fields of one head, then pause.
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

int on_value_complete(llhttp_t* parser) {
  Sink& sink = sink_of(parser);
  if (!sink.fields->add(sink.name, trim_ows(sink.value), header_token(sink.name), false)) sink.full = true;
  sink.name = sink.value = {};
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
    case HPE_INVALID_METHOD: return {501, "unknown method"};
    case HPE_INVALID_URL: return {400, "invalid request target"};
    default: return {400, "malformed head"};
  }
}

}  // namespace

std::optional<Reject> tokenize_head(Prescan::Kind kind, std::initializer_list<std::string_view> pieces,
                                    FieldList& fields) {
  Sink sink{&fields, {}, {}};
  llhttp_t parser;
  llhttp_init(&parser, kind == Prescan::Kind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE, &kSettings);
  parser.data = &sink;
  llhttp_errno_t error = HPE_OK;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    if (error != HPE_OK) return Reject{400, "head ends early"};
    error = llhttp_execute(&parser, piece.data(), piece.size());
    if (error != HPE_OK && error != HPE_PAUSED) break;
  }
  if (sink.full) return Reject{431, "too many header fields"};
  if (error == HPE_PAUSED) {
    // The pause must come at the very last byte: pre-scan and llhttp agree on where the head ends.
    const std::string_view last = *(pieces.end() - 1);
    if (llhttp_get_error_pos(&parser) < last.data() + last.size() - 1) return Reject{400, "head ends early"};
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
