// Local pages, in the shape that operators know from nginx.
#include "http/local_page.h"

#include <charconv>

#include "http/status.h"

namespace weir::http {
namespace {

// What nginx says of its own numbers.
std::string_view explanation(int status) {
  switch (status) {
    case 494: return "Request Header Or Cookie Too Large";
    case 495: return "The SSL certificate error";
    case 496: return "No required SSL certificate was sent";
    case 497: return "The plain HTTP request was sent to HTTPS port";
    default: return {};
  }
}

}  // namespace

std::string_view server_name(bool server_tokens) {
  return server_tokens ? "weir/" WEIR_VERSION : "weir";
}

std::string_view local_page(int status, bool server_tokens, Arena& arena) {
  char digits[12];
  const std::string_view number(
      digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, wire_status(status)).ptr - digits));
  const std::string_view phrase = reason_phrase(wire_status(status));
  const std::string_view why = explanation(status);
  const std::string_view gap = phrase.empty() ? "" : " ";
  return arena.concat({"<html>\r\n<head><title>", number, gap, phrase, "</title></head>\r\n<body>\r\n<center><h1>",
                       number, gap, phrase, "</h1></center>\r\n", why.empty() ? "" : "<center>", why,
                       why.empty() ? "" : "</center>\r\n", "<hr><center>", server_name(server_tokens),
                       "</center>\r\n</body>\r\n</html>\r\n"});
}

}  // namespace weir::http
