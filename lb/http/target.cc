// Request-target parsing. The raw target is what goes upstream, so whatever two readers could take for different paths
// is refused here (THREATS row 27); decoding and dot segments are the router's.
#include "http/target.h"

#include "base/bytes.h"
#include "http/control_scan.h"

namespace weir::http {
namespace {

bool is_unsafe(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f;
}

// Of "http://" or "https://" in any case; 0 for any other start.
size_t scheme_bytes(std::string_view raw) {
  if (iequals(raw.substr(0, 7), "http://")) return 7;
  if (iequals(raw.substr(0, 8), "https://")) return 8;
  return 0;
}

// Whether a character begins at `i` in more bytes of UTF-8 than it needs (RFC 3629 3): what one reader drops another
// takes for a slash. Raw bytes of other encodings are left alone.
bool is_overlong(std::string_view text, size_t i) {
  if (i + 1 >= text.size()) return false;
  const auto lead = static_cast<unsigned char>(text[i]);
  const auto next = static_cast<unsigned char>(text[i + 1]);
  if (next < 0x80 || next > 0xbf) return false;
  return lead == 0xc0 || lead == 0xc1 || (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90) ||
         (lead == 0xf8 && next < 0x88) || (lead == 0xfc && next < 0x84);
}

std::optional<Reject> check_path_and_query(std::string_view target) {
  bool in_query = false;
  for (size_t i = 0; i < target.size(); ++i) {
    switch (target[i]) {
      case '?': in_query = true; break;
      case '#': return Reject{400, "fragment in the request target"};
      case '\\':
        // Browsers send it raw in a query, where nobody takes it for a slash.
        if (!in_query) return Reject{400, "backslash in the path"};
        break;
      case '%': {
        const bool has_digits = i + 2 < target.size() && hex_value(target[i + 1]) >= 0 && hex_value(target[i + 2]) >= 0;
        if (!has_digits && !in_query) return Reject{400, "malformed percent-encoding in the path"};
        if (has_digits && target[i + 1] == '0' && target[i + 2] == '0') return Reject{400, "%00 in the request target"};
        break;
      }
      default:
        // Encoded, they would pass as what the client sent; a NUL would even become the %00 that is refused above.
        if (target[i] == ' ' || is_control(target[i]))
          return Reject{400, "control character or space in the request target"};
        if (static_cast<unsigned char>(target[i]) >= 0xc0 && is_overlong(target, i))
          return Reject{400, "overlong UTF-8 in the request target"};
        break;
    }
  }
  return std::nullopt;
}

void set_target(std::string_view target, RequestHead& head) {
  head.target = target;
  const size_t question = target.find('?');
  head.has_query = question != std::string_view::npos;
  head.path = target.substr(0, question);
  head.query = head.has_query ? target.substr(question + 1) : std::string_view();
}

}  // namespace

std::optional<Reject> parse_target(std::string_view raw, Arena& arena, RequestHead& head) {
  if (raw == "*") {
    if (head.method != Method::kOptions) return Reject{400, "asterisk target of a method other than OPTIONS"};
    head.form = TargetForm::kAsterisk;
    set_target(raw, head);
    return std::nullopt;
  }
  std::string_view target = raw;
  head.form = TargetForm::kOrigin;
  if (raw.empty() || raw.front() != '/') {
    const size_t scheme = scheme_bytes(raw);
    if (scheme == 0) return Reject{400, "request target is neither a path nor an http URI"};
    const size_t authority_end = raw.find_first_of("/?#\\", scheme);
    head.form = TargetForm::kAbsolute;
    head.host_field =
        raw.substr(scheme, authority_end == std::string_view::npos ? authority_end : authority_end - scheme);
    target = authority_end == std::string_view::npos ? std::string_view() : raw.substr(authority_end);
    if (target.empty() && head.method == Method::kOptions) {
      // RFC 9112 3.2.4: the last proxy turns an OPTIONS without a path into the asterisk form.
      head.form = TargetForm::kAsterisk;
      target = "*";
    } else if (target.empty()) {
      target = "/";
    } else if (target.front() == '?') {
      target = arena.concat({"/", target});
    }
  }
  if (auto refused = check_path_and_query(target)) return refused;
  set_target(encode_unsafe(target, arena), head);
  return std::nullopt;
}

std::string_view encode_unsafe(std::string_view text, Arena& arena) {
  if (is_printable(text)) return text;
  size_t unsafe = 0;
  for (const char c : text) unsafe += is_unsafe(c) ? 1 : 0;
  constexpr char kHex[] = "0123456789ABCDEF";
  char* const out = arena.allocate(text.size() + 2 * unsafe);
  char* p = out;
  for (const char c : text) {
    if (is_unsafe(c)) {
      const auto byte = static_cast<unsigned char>(c);
      *p++ = '%';
      *p++ = kHex[byte >> 4];
      *p++ = kHex[byte & 15];
    } else {
      *p++ = c;
    }
  }
  return {out, static_cast<size_t>(p - out)};
}

}  // namespace weir::http
