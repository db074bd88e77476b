// The first line of a message, strictly: exactly one SP around the target, HTTP/1.0 or HTTP/1.1, any token for a
// method.
#pragma once
#include <optional>
#include <string_view>

#include "http/codec.h"

namespace weir::http {

struct RequestLine {
  Method method = Method::kOther;
  Version version = Version::kHttp11;
  std::string_view method_text;
  std::string_view target;
};
struct StatusLine {
  int status = 0;
  Version version = Version::kHttp11;
  std::string_view reason;
};

// `line` is without CRLF and free of control bytes. nullopt is success.
[[nodiscard]] std::optional<Reject> parse_request_line(std::string_view line, RequestLine& out);
[[nodiscard]] std::optional<Reject> parse_status_line(std::string_view line, StatusLine& out);

}  // namespace weir::http
