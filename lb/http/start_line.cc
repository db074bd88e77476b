// Request line and status line (RFC 9112 3 and 4).
#include "http/start_line.h"

#include "base/bytes.h"

namespace weir::http {
namespace {

bool parse_version(std::string_view text, Version& version) {
  if (text.size() != 8) return false;
  const uint64_t word = load_word(text.data());
  if (word == load_word("HTTP/1.1")) {
    version = Version::kHttp11;
  } else if (word == load_word("HTTP/1.0")) {
    version = Version::kHttp10;
  } else {
    return false;
  }
  return true;
}

bool is_well_formed_version(std::string_view text) {
  return text.size() == 8 && text.substr(0, 5) == "HTTP/" && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

// Methods are case-sensitive, but not every peer thinks so: one that took "head" for HEAD would answer without the body
// that is awaited here, and its next answer would be taken for it.
bool is_known_in_other_case(std::string_view text) {
  char upper[kLongestMethod];
  if (text.size() > sizeof upper) return false;
  for (size_t i = 0; i < text.size(); ++i) upper[i] = text[i] >= 'a' && text[i] <= 'z' ? text[i] & ~0x20 : text[i];
  return parse_method({upper, text.size()}) != Method::kOther;
}

}  // namespace

std::optional<Reject> parse_request_line(std::string_view line, RequestLine& out) {
  const char* const text = line.data();
  size_t first = 0;
  while (first < line.size() && kTchar[static_cast<unsigned char>(text[first])]) ++first;
  if (first == line.size() || text[first] != ' ') {
    if (line.find(' ') == std::string_view::npos) return Reject{400, "request line without a target"};
    return Reject{400, "illegal character in the method"};
  }
  if (first == 0) return Reject{400, "request line without a method"};
  out.method_text = {text, first};
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return Reject{400, "request line without a version (HTTP/0.9)"};
  out.target = {text + first + 1, second - first - 1};
  if (out.target.empty()) return Reject{400, "more than one space before the target"};
  const std::string_view version(text + second + 1, line.size() - second - 1);
  if (!parse_version(version, out.version)) {
    if (!is_well_formed_version(version))
      return Reject{400, "request line does not end in one space and an HTTP version"};
    return Reject{505, "HTTP version is neither 1.0 nor 1.1"};
  }
  // Most requests are; the list is too long to be compared in line.
  out.method = out.method_text == "GET" ? Method::kGet : parse_method(out.method_text);
  switch (out.method) {
    case Method::kOther:
      if (is_known_in_other_case(out.method_text)) return Reject{501, "known method in other case"};
      return std::nullopt;  // any token is a method (RFC 9110 9.1)
    case Method::kConnect: return Reject{405, "CONNECT is not served"};
    case Method::kTrace: return Reject{405, "TRACE is not served"};
    default: return std::nullopt;
  }
}

std::optional<Reject> parse_status_line(std::string_view line, StatusLine& out) {
  if (!parse_version(line.substr(0, 8), out.version)) return Reject{502, "status line without HTTP/1.0 or HTTP/1.1"};
  line.remove_prefix(8);
  if (line.size() < 4 || line[0] != ' ' || !is_digit(line[1]) || !is_digit(line[2]) || !is_digit(line[3]))
    return Reject{502, "status line without a status of three digits"};
  out.status = (line[1] - '0') * 100 + (line[2] - '0') * 10 + (line[3] - '0');
  // RFC 9110 15: what is above 599 is not valid, but nginx and HAProxy pass it, and so applications have it.
  if (out.status < 100) return Reject{502, "status is below 100"};
  line.remove_prefix(4);
  if (!line.empty() && line[0] != ' ') return Reject{502, "status line with more than three digits of status"};
  out.reason = line.empty() ? line : line.substr(1);
  return std::nullopt;
}

}  // namespace weir::http
