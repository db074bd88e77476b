// Extensions of paths.
#include "http/mime_types.h"

#include "base/bytes.h"

namespace weir::http {

void MimeTypes::add(std::string_view extension, std::string type) {
  by_extension_.insert_or_assign(lowered(extension), std::move(type));
}

std::string_view MimeTypes::find(std::string_view path) const {
  size_t dot = path.size();
  while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/') --dot;
  if (dot == 0 || path[dot - 1] == '/') return {};
  const auto it = by_extension_.find(lowered(path.substr(dot)));
  return it == by_extension_.end() ? std::string_view() : std::string_view(it->second);
}

const MimeTypes& MimeTypes::defaults() {
  static const MimeTypes* const built_in = [] {
    auto* made = new MimeTypes;
    made->add("html", "text/html");
    made->add("gif", "image/gif");
    made->add("jpg", "image/jpeg");
    return made;
  }();
  return *built_in;
}

}  // namespace weir::http
