#include "proxy/pass_url.h"

#include "base/bytes.h"

namespace weir::proxy {

PassUrl split_pass_url(std::string_view text) {
  PassUrl url;
  if (iequals(text.substr(0, 7), "http://")) {
    url.scheme = PassUrl::Scheme::kHttp;
    text.remove_prefix(7);
  } else if (iequals(text.substr(0, 8), "https://")) {
    url.scheme = PassUrl::Scheme::kHttps;
    text.remove_prefix(8);
  }
  const bool is_socket = text.starts_with("unix:");
  const size_t cut = is_socket ? text.find(':', 5) : text.find_first_of("/?#");
  url.authority = text.substr(0, cut);
  if (cut != std::string_view::npos) url.uri = text.substr(is_socket ? cut + 1 : cut);
  return url;
}

}  // namespace weir::proxy
