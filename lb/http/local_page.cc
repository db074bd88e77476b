// Local pages, in the shape that operators know from nginx.
#include "http/local_page.h"

#include <charconv>

#include "http/status.h"

namespace weir::http {

std::string_view server_name(bool server_tokens) {
  return server_tokens ? "weir/" WEIR_VERSION : "weir";
}

std::string_view local_page(int status, bool server_tokens, Arena& arena) {
  char digits[12];
  const std::string_view number(
      digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, status).ptr - digits));
  const std::string_view phrase = reason_phrase(status);
  const std::string_view gap = phrase.empty() ? "" : " ";
  return arena.concat({"<html>\r\n<head><title>", number, gap, phrase, "</title></head>\r\n<body>\r\n<center><h1>",
                       number, gap, phrase, "</h1></center>\r\n<hr><center>", server_name(server_tokens),
                       "</center>\r\n</body>\r\n</html>\r\n"});
}

}  // namespace weir::http
